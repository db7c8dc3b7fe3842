/** What was measured, by name, and how several runs of it become one figure. */

export interface Figures {
  readonly [name: string]: number | undefined
}

export function percentile(sorted: ArrayLike<number>, share: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}

/** Of each name that any run has; a run that could not measure it does not count. */
export function medians(runs: readonly Figures[]): Figures {
  const names = new Set(runs.flatMap((run) => Object.keys(run)))
  return Object.fromEntries(
    [...names].map((name) => {
      const values = runs.flatMap((run) => run[name] ?? []).toSorted((a, b) => a - b)
      return [name, percentile(values, 0.5)]
    }),
  )
}

/** Three significant digits, which is more than two shared cores repeat. */
export function shown(value: number | undefined): string {
  if (value === undefined) return '–'
  if (value >= 1_000) return Math.round(value).toLocaleString('en')
  return value
    .toPrecision(3)
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '')
}

/** A run as a picture: delivery latency above, queue depth below, over virtual time. Plain SVG, readable in light and dark. */
import { quantile, type Slice } from './measures.ts'
import { duration } from './report.ts'

const width = 960
const left = 70
const right = 20
const plotHeight = 200
const tops = [50, 320] as const
const height = 570

export interface PictureInit {
  readonly title: string
  readonly hours: number
  readonly slices: readonly Slice[]
}

export function picture({ title, hours, slices }: PictureInit): string {
  const quantiles = [0.5, 0.9, 0.99].map((share) =>
    slices.map(({ latenciesMs }) =>
      quantile(
        latenciesMs.toSorted((a, b) => a - b),
        share,
      ),
    ),
  )
  const latency = panel({
    top: tops[0],
    hours,
    title: 'time from said to shown (logarithmic)',
    lines: quantiles.map((values, i) => ({
      values: values.map(decades),
      colour: colours[i] ?? '',
      name: names[i] ?? '',
    })),
    ticks: [1, 2, 3, 4, 5, 6, 7].map((power) => ({ at: power, text: duration(10 ** power) })),
  })
  const depths = [slices.map(({ outbox }) => outbox), slices.map(({ mailbox }) => mailbox)]
  const most = Math.max(1, ...depths.flat())
  const depth = panel({
    top: tops[1],
    hours,
    title: 'messages waiting',
    lines: [
      { values: depths[0] ?? [], colour: colours[0] ?? '', name: 'at senders' },
      { values: depths[1] ?? [], colour: colours[2] ?? '', name: 'at relays' },
    ],
    ticks: [0, 0.25, 0.5, 0.75, 1].map((share) => ({ at: share * most, text: `${Math.round(share * most)}` })),
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${left}" y="24" font-size="16">${escaped(title)}</text>`,
    latency,
    depth,
    '</svg>\n',
  ].join('\n')
}

const colours = ['#1b6ca8', '#e08e0b', '#b5373c'] as const
const names = ['half of them within', 'nine in ten', 'all but one in a hundred'] as const

interface Panel {
  readonly top: number
  readonly hours: number
  readonly title: string
  readonly lines: readonly { readonly values: readonly number[]; readonly colour: string; readonly name: string }[]
  readonly ticks: readonly { readonly at: number; readonly text: string }[]
}

function panel({ top, hours, title, lines, ticks }: Panel): string {
  const low = Math.min(...ticks.map(({ at }) => at))
  const high = Math.max(...ticks.map(({ at }) => at))
  const y = (value: number): number =>
    top + plotHeight * (1 - (Math.min(Math.max(value, low), high) - low) / (high - low))
  const x = (share: number): number => left + share * (width - left - right)
  const grid = ticks.map(
    ({ at, text }) =>
      `<path d="M${left} ${y(at)}H${width - right}" stroke="#ddd"/>` +
      `<text x="${left - 6}" y="${y(at) + 4}" text-anchor="end">${text}</text>`,
  )
  const hourly = Array.from({ length: 9 }, (_, i) => i / 8).map(
    (share) =>
      `<text x="${x(share)}" y="${top + plotHeight + 18}" text-anchor="middle">${round(hours * share)} h</text>`,
  )
  const curves = lines.map(({ values, colour }) => {
    const points = values.map((value, i) => `${x((i + 0.5) / values.length).toFixed(1)},${y(value).toFixed(1)}`)
    return `<polyline fill="none" stroke="${colour}" stroke-width="1.8" points="${points.join(' ')}"/>`
  })
  const legend = lines.map(
    ({ name, colour }, i) =>
      `<text x="${width - right}" y="${top - 8}" text-anchor="end" dx="${-190 * (lines.length - 1 - i)}" fill="${colour}">${name}</text>`,
  )
  return [`<text x="${left}" y="${top - 8}">${title}</text>`, ...grid, ...hourly, ...curves, ...legend].join('\n')
}

function decades(ms: number): number {
  return Math.log10(Math.max(ms, 10))
}

function round(hours: number): string {
  return Number.isInteger(hours) ? `${hours}` : hours.toFixed(1)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

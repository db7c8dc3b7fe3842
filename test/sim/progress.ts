/** A bar on a terminal; silent where nobody watches. */
const barWidth = 32

export interface Progress {
  show(share: number, words: string): void
  clear(): void
}

export function progress(): Progress {
  const { stderr } = process
  if (!stderr.isTTY) return { show: () => undefined, clear: () => undefined }
  let lastMs = 0
  return {
    show(share, words) {
      const nowMs = performance.now()
      if (nowMs - lastMs < 100 && share < 1) return
      lastMs = nowMs
      const width = Math.min(barWidth, stderr.columns - words.length - 4)
      const filled = Math.round(share * width)
      const bar = width < 4 ? '' : `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}] `
      // A line that wraps would not be taken back.
      stderr.write(`\r\u001B[2K${`${bar}${words}`.slice(0, stderr.columns - 1)}`)
    },
    clear: () => void stderr.write('\r\u001B[2K'),
  }
}

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
      const filled = Math.round(share * barWidth)
      stderr.write(`\r\u001B[2K[${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}] ${words}`)
    },
    clear: () => void stderr.write('\r\u001B[2K'),
  }
}

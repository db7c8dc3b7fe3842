/** Looks through everything a process holds in writable memory, as whoever seizes the machine could (Linux, root). */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'

/** For each needle, how often it stands in the memory of process `pid`. */
export function searchMemory(pid: number, needles: ReadonlyMap<string, Buffer>): Map<string, number> {
  const found = new Map([...needles.keys()].map((name) => [name, 0]))
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  try {
    for (const { start, end } of writableRegions(pid)) {
      for (let at = start; at < end; at += pieceBytes - overlapBytes) {
        const piece = readPiece(memory, at, Math.min(pieceBytes, end - at))
        if (piece !== undefined) count(piece, needles, found)
      }
    }
  } finally {
    closeSync(memory)
  }
  return found
}

function count(piece: Buffer, needles: ReadonlyMap<string, Buffer>, found: Map<string, number>): void {
  for (const [name, needle] of needles) {
    if (piece.includes(needle)) found.set(name, (found.get(name) ?? 0) + 1)
  }
}

const pieceBytes = 4 * 1_048_576
const overlapBytes = 4_096

function writableRegions(pid: number): { readonly start: number; readonly end: number }[] {
  return readFileSync(`/proc/${pid}/maps`, 'utf8')
    .split('\n')
    .filter((line) => / rw/.test(line) && !line.includes('[vvar'))
    .map((line) => {
      const [from = '0', to = '0'] = (line.split(' ')[0] ?? '').split('-')
      return { start: Number.parseInt(from, 16), end: Number.parseInt(to, 16) }
    })
}

/** Undefined where the kernel has nothing to show: a reserved page never touched. */
function readPiece(memory: number, at: number, length: number): Buffer | undefined {
  const piece = Buffer.alloc(length)
  try {
    const read = readSync(memory, piece, 0, length, at)
    return piece.subarray(0, read)
  } catch {
    return undefined
  }
}

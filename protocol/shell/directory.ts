/** Directories that only their user may enter. */
import { mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/**
 * Makes a directory and those above it that are missing, one after another; one that is there stays as it is. Throws what the
 * system says of the first that cannot be made. Node's own way (`recursive`) tries without end where a directory is there
 * and takes no other (`/proc`), and calls one missing that may only be read.
 */
export function makeDirectory(path: string): void {
  const missing: string[] = []
  for (let at = resolve(path); !isDirectory(at); at = dirname(at)) missing.push(at)
  for (const one of missing.toReversed()) {
    try {
      mkdirSync(one, { mode: 0o700 })
    } catch (error) {
      if (!isDirectory(one)) throw error // Else somebody else has made it meanwhile.
    }
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true || dirname(path) === path
}

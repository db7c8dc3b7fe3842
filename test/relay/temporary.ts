/** Directories and other things that end with the test that made them. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'

const endings: (() => Promise<unknown> | void)[] = []

afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end()
})

/** Runs after the test, last registered first. */
export function atEnd(end: () => Promise<unknown> | void): void {
  endings.push(end)
}

export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'linnet-relay-'))
  atEnd(() => rm(path, { recursive: true, force: true }))
  return path
}

/** Drawn worlds, a few of them at every change; `npm run sim -- --seeds 200` runs more. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { replayLine } from './swarm/variant.ts'
import { judge } from './swarm/verdict.ts'

const regressions = readFileSync(new URL('regressions.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => /^\d/.test(line))
  .map((line) => Number.parseInt(line, 10))

test.each([...new Set([...regressions, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])])('seed %i', (seed) => {
  const { failed, property, detail } = judge(seed)
  expect(failed ? `${property}: ${detail} (${replayLine(seed)})` : 'nothing wrong').toBe('nothing wrong')
})

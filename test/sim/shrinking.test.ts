/** A failure is replayed by one line, and shrunk to a smaller world that fails alike. */
import { expect, test } from 'vitest'
import { drawnBy, type Draw } from './swarm/draw.ts'
import { runSeed } from './swarm/run.ts'
import { differenceOf, optionsOf, readVariant, replayLine, type Variant } from './swarm/variant.ts'
import { judge, shrink, type Verdict } from './swarm/verdict.ts'

const variant: Variant = { plant: 'no dedupe' }

test('a planted bug is found, shrunk, and fails alike when its line is replayed', () => {
  const found = firstFailure(variant)
  expect(found).toMatchObject({ failed: true, property: expect.stringMatching(/once/) })
  expect(judge(found.seed, optionsOf(variant))).toEqual(found)

  const smallest = shrink(runSeed(found.seed, optionsOf(variant)), optionsOf(variant))
  expect(sizeOf(smallest)).toBeLessThan(sizeOf(drawnBy(found.seed)))
  const line = replayLine(found.seed, { ...variant, world: differenceOf(found.seed, smallest) })
  const replayed = replay(line)
  expect(replayed.property).toBe(found.property)
  expect(runSeed(found.seed, optionsOf(readVariant(flagsOf(line)))).drawn).toEqual(smallest)

  for (const fault of smallest.faults) {
    const without = { ...smallest, faults: smallest.faults.filter((other) => other !== fault) }
    const { complaints } = runSeed(found.seed, { ...optionsOf(variant), narrow: () => without })
    expect(complaints[0]?.property, `${fault} is needed`).not.toBe(found.property)
  }
})

test('what is changed about a seed is read as it was told, or refused with a word on why', () => {
  const world = { people: 2, faults: ['crash'] as const }
  const line = replayLine(7, { plant: 'prekey reuse', world })
  expect(line).toBe(`npm run sim -- --seed 7 --plant 'prekey reuse' --world '{"people":2,"faults":["crash"]}'`)
  expect(readVariant(flagsOf(line))).toEqual({ plant: 'prekey reuse', world })
  expect(() => readVariant({ plant: 'no such bug' })).toThrow(/there is no bug named so, but ack before commit, /)
  expect(() => readVariant({ world: '{"people":"two"}' })).toThrow(/people should look like \d/)
  expect(() => readVariant({ world: '{"faults":["earthquake"]}' })).toThrow(/there is no fault earthquake/)
  expect(() => readVariant({ world: '{' })).toThrow(/^--world: /)
})

function firstFailure(given: Variant): Verdict {
  for (let seed = 1; seed <= 60; seed++) {
    const verdict = judge(seed, optionsOf(given))
    if (verdict.failed) return verdict
  }
  throw new Error(`sixty seeds did not find ${given.plant}`)
}

function replay(line: string): Verdict {
  return judge(Number(/--seed (\d+)/.exec(line)?.[1]), optionsOf(readVariant(flagsOf(line))))
}

/** As a shell would hand them over. */
function flagsOf(line: string): { plant?: string; world?: string } {
  const plant = /--plant '([^']*)'/.exec(line)?.[1]
  const world = /--world '([^']*)'/.exec(line)?.[1]
  return { ...(plant !== undefined && { plant }), ...(world !== undefined && { world }) }
}

function sizeOf({ people, relays, faults, safetyMs }: Draw): number {
  return people + relays + faults.length + Math.log2(safetyMs)
}

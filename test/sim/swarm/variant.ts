/**
 * A seed with something about it changed: with a bug planted, or in a smaller world than it draws. What is changed can be
 * said on the command line, so that the line that replays a failure replays it whole.
 */
import { isDeepStrictEqual } from 'node:util'
import { objectLike, UsageError } from '../usage.ts'
import { drawnBy, faultKinds, type Draw } from './draw.ts'
import { planted } from './planted.ts'
import type { RunOptions } from './run.ts'

export interface Variant {
  /** The name of a planted bug. */
  readonly plant?: string
  /** What is otherwise than the seed draws it. */
  readonly world?: Partial<Draw>
}

/** Throws a `UsageError` for a bug or a world that does not exist. */
export function readVariant({ plant, world }: { readonly plant?: string; readonly world?: string }): Variant {
  if (plant !== undefined && planted[plant] === undefined) {
    throw new UsageError(`--plant: there is no bug named so, but ${Object.keys(planted).join(', ')}`)
  }
  return { ...(plant !== undefined && { plant }), ...(world !== undefined && { world: readWorld(world) }) }
}

export function optionsOf({ plant, world }: Variant): RunOptions {
  const bug = plant === undefined ? undefined : planted[plant]
  return { ...(bug && { plant: bug }), ...(world && { narrow: (drawn) => ({ ...drawn, ...world }) }) }
}

/** The one line that does it all again. */
export function replayLine(seed: number, { plant, world }: Variant = {}): string {
  const bug = plant === undefined ? '' : ` --plant '${plant}'`
  const smaller = world === undefined ? '' : ` --world '${JSON.stringify(world)}'`
  return `npm run sim -- --seed ${seed}${bug}${smaller}`
}

/** What is otherwise in a world than its seed draws it. */
export function differenceOf(seed: number, world: Draw): Partial<Draw> {
  const drawn = drawnBy(seed)
  const fields = Object.entries(world).filter(([name, value]) => !isDeepStrictEqual(value, drawn[name as keyof Draw]))
  return Object.fromEntries(fields)
}

function readWorld(text: string): Partial<Draw> {
  const world = objectLike(text, '--world', drawnBy(1))
  const unknown = world.faults?.find((fault) => !faultKinds.includes(fault))
  if (unknown !== undefined) throw new UsageError(`--world: there is no fault ${unknown}`)
  return world
}

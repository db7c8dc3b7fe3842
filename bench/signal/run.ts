/** One side, once, in a process of its own: prints its figures as JSON. */
import { measureBounds } from './bounds.ts'
import { measureLibsignal } from './libsignal.ts'
import type { Timings } from './measure.ts'
import { measureOurs } from './ours.ts'

const sides: Readonly<Record<string, () => Timings | Promise<Timings>>> = {
  ours: measureOurs,
  libsignal: measureLibsignal,
  bounds: measureBounds,
}

const timings = await sides[process.argv[2] ?? '']?.()
if (timings === undefined) throw new Error('which side?')
const setup =
  1 / (1 / (timings['initiator'] ?? 0) + 1 / (timings['firstEncrypt'] ?? 0) + 1 / (timings['responder'] ?? 0))
process.stdout.write(JSON.stringify({ ...timings, setup }))

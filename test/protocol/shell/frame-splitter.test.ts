/** Frames come out whole and in order, however the bytes that carry them are cut. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { frameBytesMax } from '../../../protocol/limits.ts'
import { FrameSplitter, withLength } from '../../../protocol/shell/frame-splitter.ts'

function all(splitter: FrameSplitter): Uint8Array[] {
  const frames: Uint8Array[] = []
  for (let frame = splitter.next(); frame !== undefined; frame = splitter.next()) {
    if (frame === false) throw new Error('too long')
    frames.push(frame.slice())
  }
  return frames
}

test('any cut of any frames yields those frames', () => {
  const frame = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ minLength: 16_380, maxLength: 16_390 }))
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 20_000 })), (frames, cuts) => {
      let rest = Buffer.concat(frames.map(withLength))
      const splitter = new FrameSplitter()
      const found: Uint8Array[] = []
      for (const cut of [...cuts, Number.MAX_SAFE_INTEGER]) {
        splitter.push(new Uint8Array(rest.subarray(0, cut)))
        rest = rest.subarray(cut)
        found.push(...all(splitter))
      }
      expect(found).toEqual(frames)
    }),
  )
})

test('byte by byte, too', () => {
  const frames = [new Uint8Array(200).fill(7), new Uint8Array(0), new Uint8Array(frameBytesMax).fill(9)]
  const splitter = new FrameSplitter()
  const found: Uint8Array[] = []
  for (const byte of Buffer.concat(frames.map(withLength))) {
    splitter.push(Uint8Array.of(byte))
    found.push(...all(splitter))
  }
  expect(found.map(({ length }) => length)).toEqual([200, 0, frameBytesMax])
  expect(found.every((frame, i) => Buffer.compare(frame, frames[i] ?? Uint8Array.of()) === 0)).toBe(true)
})

test('of every length at which its prefix grows', () => {
  for (const length of [0, 1, 127, 128, 129, 16_383, 16_384, 16_385]) {
    const splitter = new FrameSplitter()
    splitter.push(withLength(new Uint8Array(length).fill(7)))
    splitter.push(withLength(Uint8Array.of(1)))
    expect(all(splitter)).toEqual([new Uint8Array(length).fill(7), Uint8Array.of(1)])
  }
})

test('a length beyond the limit is refused as soon as it is known, and before anything follows', () => {
  const tooLong = new FrameSplitter()
  tooLong.push(withLength(new Uint8Array(frameBytesMax + 1)).subarray(0, 3))
  expect(tooLong.next()).toBe(false)
  const endless = new FrameSplitter()
  endless.push(Uint8Array.of(0xff, 0xff, 0xff))
  expect(endless.next()).toBe(false)
  const announced = new FrameSplitter()
  announced.push(withLength(new Uint8Array(frameBytesMax)).subarray(0, 3))
  expect(announced.next()).toBeUndefined()
})

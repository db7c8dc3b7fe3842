/**
 * Four hundred connections come and stay, and messages pass through the list that each of them keeps. Prints how many bytes of a
 * message end up among V8's old objects. Told `cured` when it should be.
 */
import { getHeapSpaceStatistics } from 'node:v8'
import { curePretenuring } from '../../relay/io/pretenuring-cure.ts'

class Line {
  #waiting: object[] = []

  pass(message: object): number {
    this.#waiting.push(message)
    const passed = this.#waiting
    this.#waiting = []
    return passed.length
  }
}

const messages = 200_000

if (process.argv[2] === 'cured') curePretenuring()
const lines = Array.from({ length: 400 }, () => new Line())
pass(lines.length)
collectYoung()
pass(messages)
const before = oldBytes()
pass(messages)
process.stdout.write(String((oldBytes() - before) / messages))

function pass(count: number): void {
  for (let i = 0; i < count; i++) lines[i % lines.length]?.pass({ i })
}

function oldBytes(): number {
  collectYoung()
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? 0
}

function collectYoung(): void {
  for (let i = 0; i < 2; i++) globalThis.gc?.({ type: 'minor' })
}

/** When a command ends, and what waiting for that costs while it does not. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test, vi } from 'vitest'
import { watchForEnd } from '../../cli/ending.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

test('nothing is kept of what was waited for in the meantime', async () => {
  const ending = watchForEnd()
  const answers: WeakRef<object>[] = []
  for (let i = 0; i < 100; i++) {
    const answer = { contacts: [i] }
    answers.push(new WeakRef(await ending.race(Promise.resolve(answer))))
  }
  await new Promise((resolve) => setTimeout(resolve, 0))
  collectGarbage()
  expect(answers.filter((one) => one.deref() !== undefined).length).toBeLessThan(5)
})

test('what is waited for is given up when the end is asked for, and not begun after it', async () => {
  vi.useFakeTimers() // Some seconds from now it would end this process.
  const ending = watchForEnd()
  const waiting = ending.race(new Promise(() => undefined))
  ending.fail(new Error('the node failed'))
  await expect(waiting).rejects.toThrow('the node failed')
  await expect(ending.race(new Promise(() => undefined))).rejects.toThrow('the node failed')
  await expect(ending.asked()).rejects.toThrow('the node failed')
})

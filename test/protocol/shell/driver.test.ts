import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { Driver } from '../../../protocol/shell/driver.ts'

test('what lay in a socket when a deadline passed is handled before the deadline', async () => {
  const handled: string[] = []
  let deadlineMs: number | undefined = Date.now() + 20
  const ticked = Promise.withResolvers<void>()
  const driver = new Driver<string, never, never>({
    core: {
      handle: (input) => {
        handled.push(input)
        if (input === 'tick') ticked.resolve(void (deadlineMs = undefined))
        return { changes: [], effects: [] }
      },
      nextDeadline: () => deadlineMs,
    },
    journal: { begin: () => undefined, apply: () => undefined, commit: () => undefined, rollback: () => undefined },
    perform: () => undefined,
    tick: 'tick',
    nowMs: Date.now,
    failed: ticked.reject,
  })
  const [near, far] = await socketPair()
  near.on('data', (bytes) => driver.push(String(bytes)))
  driver.push('begin')
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  far.write('came in time')
  while (Date.now() < (deadlineMs ?? 0) + 20); // As when there is much else to do.
  await ticked.promise
  driver.stop()
  expect(handled).toEqual(['begin', 'came in time', 'tick'])
})

async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const accepted = once(server, 'connection')
  const far = connect(address.port, '127.0.0.1')
  const [near] = (await accepted) as [Socket]
  onTestFinished(() => {
    near.destroy()
    far.destroy()
    server.close()
  })
  return [near, far]
}

/** The control socket itself: garbage, too much, too many, and the end. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findOwner, OwnerGone } from '../../cli/control/client.ts'
import { LineSplitter, lineBytesMax } from '../../cli/control/lines.ts'
import { readRequest, rpcCode, RpcFault } from '../../cli/control/rpc.ts'
import { serveControl, type ControlServer } from '../../cli/control/server.ts'
import { CliError, exitCode } from '../../cli/exit.ts'

let dir: string
let path: string
let server: ControlServer
let release: () => void = () => undefined

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'linnet-rpc-'))
  path = join(dir, 'control.sock')
  server = await serveControl(path, async (method, params) => {
    if (method === 'ping') return { pid: process.pid }
    if (method === 'echo') return params
    if (method === 'slow') return new Promise((resolve) => (release = () => resolve('at last')))
    if (method === 'missing') throw new CliError(exitCode.notFound, 'not-found', 'no contact is called so')
    throw new RpcFault(rpcCode.methodNotFound, 'there is no such method')
  })
})
afterEach(async () => {
  release()
  await server.close()
  rmSync(dir, { recursive: true })
})

/** Sends bytes as they are, and collects what comes back until so many lines. */
function raw(bytes: string | Uint8Array, lines: number): Promise<readonly Record<string, unknown>[]> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket: Socket = createConnection(path, () => socket.write(bytes))
    const done = (): void => {
      socket.destroy()
      resolve(text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Record<string, unknown>])))
    }
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.split('\n').length > lines) done()
    })
    socket.on('close', done)
    socket.on('error', reject)
  })
}

const ask = (id: unknown, method: string, params?: unknown): string =>
  `${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`

test('only its owner may use the socket', () => {
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('a request gets its answer, by its id', async () => {
  const answers = await raw(ask(7, 'echo', { a: 1 }) + ask('x', 'echo', { b: 2 }), 2)
  expect(answers).toEqual([
    { jsonrpc: '2.0', id: 7, result: { a: 1 } },
    { jsonrpc: '2.0', id: 'x', result: { b: 2 } },
  ])
})

test.each([
  ['not JSON', 'hello\n', null, rpcCode.parseError],
  ['a batch', '[]\n', null, rpcCode.invalidRequest],
  ['no version', '{"id":1,"method":"ping"}\n', 1, rpcCode.invalidRequest],
  ['no method', '{"jsonrpc":"2.0","id":1}\n', 1, rpcCode.invalidRequest],
  ['an id that is none', '{"jsonrpc":"2.0","id":{},"method":"ping"}\n', null, rpcCode.invalidRequest],
  ['fields without names', '{"jsonrpc":"2.0","id":2,"method":"ping","params":[1]}\n', 2, rpcCode.invalidParams],
  ['an unknown method', '{"jsonrpc":"2.0","id":3,"method":"nope"}\n', 3, rpcCode.methodNotFound],
  ['a method of every object', '{"jsonrpc":"2.0","id":3,"method":"constructor"}\n', 3, rpcCode.methodNotFound],
  ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00, 0x0a]), null, rpcCode.parseError],
])('%s is answered as wrong, and the next request is served', async (_what, bytes, id, code) => {
  const [fault, next] = await raw(Buffer.concat([Buffer.from(bytes), Buffer.from(ask(9, 'ping'))]), 2)
  expect(fault).toMatchObject({ id, error: { code } })
  expect(next).toMatchObject({ id: 9, result: { pid: process.pid } })
})

test('a reason comes with its exit code', async () => {
  const [answer] = await raw(ask(1, 'missing'), 1)
  expect(answer).toMatchObject({ error: { code: exitCode.notFound, data: { reason: 'not-found' } } })
})

test('a notification is not answered', async () => {
  const answers = await raw(`{"jsonrpc":"2.0","method":"echo"}\n${ask(2, 'ping')}`, 1)
  expect(answers).toMatchObject([{ id: 2 }])
})

test('a line without an end is refused before it fills the memory, and others are served', async () => {
  const [answer] = await raw(Buffer.alloc(lineBytesMax + 2, 'a'), 1)
  expect(answer).toMatchObject({ error: { code: rpcCode.invalidRequest } })
  expect(await raw(ask(1, 'ping'), 1)).toMatchObject([{ id: 1 }])
})

test('a slow request holds up nobody, not even its own client', async () => {
  const answers = await raw(ask(1, 'slow') + ask(2, 'ping'), 1)
  expect(answers).toMatchObject([{ id: 2 }])
})

test('lines come out whole however they are cut', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.array(fc.nat(20)), (texts, cuts) => {
      const lines = texts.map((text) => text.replaceAll('\n', ''))
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
      const splitter = new LineSplitter()
      const seen: string[] = []
      let at = 0
      for (const cut of [...cuts, bytes.length]) {
        seen.push(...splitter.push(bytes.subarray(at, at + cut)))
        at += cut
      }
      expect(seen).toEqual(lines)
    }),
  )
})

test('no line makes reading a request throw', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (line) => void readRequest(line)))
})

test('nobody owns a profile without a socket, or with the file of a dead one', async () => {
  expect(await findOwner(join(dir, 'none.sock'))).toBeUndefined()
  expect(await findOwner(join(dir, 'none', 'none.sock'))).toBeUndefined()
  writeFileSync(join(dir, 'plain.sock'), '')
  expect(await findOwner(join(dir, 'plain.sock'))).toBeUndefined()
})

test('what is under way when the owner ends is answered; what comes after is somebody else’s', async () => {
  const connection = await findOwner(path)
  const slow = connection?.call('slow', {})
  await connection?.call('ping', {})
  const closing = server.close()
  await expect(connection?.call('ping', {})).rejects.toThrow(OwnerGone)
  release()
  expect(await slow).toBe('at last')
  await closing
  expect(await findOwner(path)).toBeUndefined()
})

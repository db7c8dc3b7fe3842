/** One process owns a profile and the others speak to it: two processes, dead ones, deaf ones, and changes of owner. */
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findOwner, type Connection } from '../../cli/control/client.ts'
import { contactNamed, fresh } from './fake-node.ts'
import {
  arrives,
  eventually,
  fakeMain,
  isThere,
  messageFrom,
  openShell,
  plantProfile,
  type Running,
  type Shell,
} from './shell.ts'

interface Stage {
  readonly shell: Shell
  readonly dir: string
  readonly socket: string
  readonly at: readonly string[]
}

function profile(dirName = 'p'): Stage {
  const shell = openShell(fakeMain)
  const dir = join(shell.dir, dirName)
  const at = ['--data-dir', dir]
  plantProfile(dir, { ...fresh({ name: 'Alice' }), contacts: [contactNamed('Bob')] })
  return { shell, dir, at, socket: join(dir, 'control.sock') }
}

async function daemon({ shell, at }: Stage): Promise<Running> {
  const running = shell.start(['daemon', ...at])
  await running.says('online')
  return running
}

async function connect(socket: string): Promise<Connection> {
  const connection = await findOwner(socket)
  if (connection === undefined) throw new Error('nobody listens')
  return connection
}

test('a command speaks to the daemon, and the daemon stays', async () => {
  const stage = profile()
  const { shell, at, socket } = stage
  const running = await daemon(stage)
  expect(statSync(socket).mode & 0o777).toBe(0o600)
  const [sent] = await shell.json('send', 'Bob', 'hi', '--wait', 'stored', ...at)
  expect(sent).toMatchObject({ state: 'stored' })
  expect((await shell.run(['send', 'nemo', 'hi', ...at])).code).toBe(7)
  const second = await shell.run(['daemon', ...at])
  expect(second.code).toBe(1)
  expect(second.err).toContain(String(running.child.pid))
  const init = await shell.run(['init', '--name', 'X', ...at])
  expect([init.code, init.err.includes('already')]).toEqual([1, true])
  const ignored = await shell.run(['id', '--relay', '/ip4/192.0.2.1/tcp/1', ...at])
  expect(ignored.err).toContain('--relay has no effect')
  expect(running.child.exitCode).toBeNull()
})

test('methods and fields are those of the commands', async () => {
  const stage = profile()
  await daemon(stage)
  const rpc = await connect(stage.socket)
  expect(await rpc.call('id', {})).toMatchObject({ name: 'Alice' })
  expect(await rpc.call('invite', {})).toEqual({ link: 'linnet:Alice' })
  expect(await rpc.call('add', { link: 'linnet:Carol', as: 'caz' })).toMatchObject({ name: 'caz' })
  expect(await rpc.call('rename', { who: 'caz', name: 'Carol' })).toMatchObject({ name: 'Carol' })
  expect(await rpc.call('contacts', {})).toHaveLength(2)
  const sent = await rpc.call('send', { who: 'Bob', text: 'hi', wait: 'stored', timeout: 5 })
  expect(sent).toMatchObject({ state: 'stored' })
  expect(await rpc.call('history', { who: 'Bob', limit: 1 })).toMatchObject([{ text: 'hi' }])
  expect(await rpc.call('why', { id: (sent as { id: string }).id })).toMatchObject({ message: { text: 'hi' } })
  expect(await rpc.call('receive', { max: 5 })).toMatchObject([{ seq: 1, event: { type: 'status', state: 'stored' } }])
  expect(await rpc.call('acknowledge', { upTo: 1 })).toEqual({ upTo: 1 })
  expect(await rpc.call('receive', {})).toEqual([])
  rpc.close()
})

test('fields that are missing, of the wrong kind or out of bounds are wrong usage', async () => {
  const stage = profile()
  await daemon(stage)
  const rpc = await connect(stage.socket)
  const wrong: readonly (readonly [method: string, params: object])[] = [
    ['send', {}],
    ['send', { who: 7, text: 'x' }],
    ['send', { who: 'Bob', text: 'x', wait: 'never' }],
    ['send', { who: 'Bob', text: 'x', wait: 'read', timeout: -1 }],
    ['history', { who: 'Bob', limit: 1.5 }],
    ['history', { who: 'Bob', limit: 1e9 }],
    ['history', { who: 'Bob', before: 'x' }],
    ['acknowledge', {}],
    ['subscribe', { after: 'x' }],
  ]
  for (const [method, params] of wrong) await expect(rpc.call(method, params)).rejects.toMatchObject({ code: 1 })
  expect(await rpc.call('history', { who: 'Bob' })).toEqual([])
  rpc.close()
})

test('who subscribed is told of what was kept and of what comes', async () => {
  const stage = profile()
  await daemon(stage)
  arrives(stage.dir, messageFrom('Bob', 'before'))
  const rpc = await connect(stage.socket)
  const texts: unknown[] = []
  rpc.onNotification = (method, params) => texts.push([method, (params as { event: { text: string } }).event.text])
  await rpc.call('subscribe', {})
  await eventually(() => texts.length === 1)
  arrives(stage.dir, messageFrom('Bob', 'after'))
  await eventually(() => texts.length === 2)
  expect(texts).toEqual([
    ['event', 'before'],
    ['event', 'after'],
  ])
  await rpc.call('unsubscribe', {})
  rpc.close()
})

test('receive --follow takes over when the daemon ends, and misses nothing', async () => {
  const stage = profile()
  const { shell, dir, at } = stage
  const running = await daemon(stage)
  const following = shell.start(['receive', '--follow', '--json', ...at])
  arrives(dir, messageFrom('Bob', 'one'))
  await following.says('"one"')
  running.child.kill('SIGTERM')
  await running.ended
  arrives(dir, messageFrom('Bob', 'two'))
  await following.says('"two"')
  expect(following.out.match(/"type":"message"/gu)).toHaveLength(2)
})

test('a daemon waits for a command that is just passing, and takes over from it', async () => {
  const { shell, dir, at } = profile()
  const passing = shell.start(['receive', '--follow', '--timeout', '2', ...at])
  await eventually(() => isThere(join(dir, 'control.sock')))
  const running = shell.start(['daemon', ...at])
  await running.says('online')
  expect((await passing.ended).code).toBe(0)
  expect((await shell.run(['id', ...at])).code).toBe(0)
  expect(running.child.exitCode).toBeNull()
})

test('after kill -9 the dead socket stands in nobody’s way', async () => {
  const stage = profile()
  const running = await daemon(stage)
  running.child.kill('SIGKILL')
  await running.ended
  expect(isThere(stage.socket)).toBe(true)
  expect((await stage.shell.run(['send', 'Bob', 'hi', ...stage.at])).code).toBe(0)
  await daemon(stage)
  expect((await stage.shell.run(['id', ...stage.at])).code).toBe(0)
})

test('one-shot commands at the same time share the one that came first', async () => {
  const { shell, at } = profile()
  const all = await Promise.all(['1', '2', '3', '4'].map((text) => shell.run(['send', 'Bob', text, '--json', ...at])))
  expect(all.map(({ code, err }) => [code, err])).toEqual(all.map(() => [0, '']))
  expect(await shell.json('history', 'Bob', ...at)).toHaveLength(4)
})

test('an owner that does not answer ends 8, within seconds', async () => {
  const stage = profile()
  const running = await daemon(stage)
  running.child.kill('SIGSTOP')
  const started = Date.now()
  const { code, out, err } = await stage.shell.run(['id', ...stage.at])
  running.child.kill('SIGCONT')
  expect({ code, out }).toEqual({ code: 8, out: '' })
  expect(err).toContain('does not answer')
  expect(Date.now() - started).toBeLessThan(10_000)
})

test('an owner without a socket, or behind something that is not ours, ends 8', async () => {
  const silent = profile()
  const strange = profile()
  for (const { dir } of [silent, strange]) writeFileSync(join(dir, 'fake.lock'), String(process.pid))
  const server = createServer((client) => client.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  await new Promise<void>((resolve) => server.listen(strange.socket, resolve))
  const ended = await Promise.all([silent, strange].map(({ shell, at }) => shell.run(['id', ...at])))
  server.close()
  expect(ended.map(({ code }) => code)).toEqual([8, 8])
  expect(ended[0]?.err).toContain(silent.dir)
})

test('a data directory too deep for a socket works all the same', async () => {
  const stage = profile(join('d'.repeat(60), 'e'.repeat(60)))
  const runtime = join(stage.shell.dir, 'run')
  mkdirSync(runtime, { mode: 0o700 })
  const env = { XDG_RUNTIME_DIR: runtime }
  const running = stage.shell.start(['daemon', '--json', ...stage.at], undefined, env)
  const { socket } = JSON.parse(await running.says('\n')) as { socket: string }
  expect(socket.startsWith(runtime)).toBe(true)
  expect(statSync(join(socket, '..')).mode & 0o777).toBe(0o700)
  const second = await stage.shell.run(['daemon', ...stage.at], undefined, env)
  expect(second.err).toContain(String(running.child.pid))
})

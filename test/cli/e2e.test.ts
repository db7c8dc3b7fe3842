/** The real program, a real relay, real people: what a stranger does in the first ten minutes. */
import { execFileSync } from 'node:child_process'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { eventually, isThere, linesOf, openShell, realMain, type Printed, type Running, type Shell } from './shell.ts'

const anyPort = '/ip4/127.0.0.1/tcp/0'

async function relay(
  shell: Shell,
  listen: string = anyPort,
): Promise<{ readonly running: Running; readonly address: string }> {
  const running = shell.start(['relay', '--data-dir', join(shell.dir, 'relay'), '--listen', listen])
  const [address = ''] = linesOf(await running.says('\n'))
  return { running, address }
}

function texts(events: readonly Printed[]): readonly unknown[] {
  return events.filter((one) => one['type'] === 'message').map((one) => one['text'])
}

const somePeer = '12D3KooWLL94DMdKMxwwBPWpsMhd69iBLsHM58BzzGm3x25H32FB'

test('a relay says where it is, how it stands, and ends when asked', async () => {
  const shell = openShell(realMain)
  const dir = join(shell.dir, 'relay')
  expect((await shell.run(['relay', 'status', '--data-dir', dir])).code).toBe(7)
  const { running, address } = await relay(shell)
  expect(address).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/[1-9]\d*\/p2p\/12D3KooW\w+$/u)
  expect(linesOf(running.out)).toHaveLength(1)
  await eventually(() => isThere(join(dir, 'relay.sock')))
  const [status] = await shell.json('relay', 'status', '--data-dir', dir)
  expect(status).toMatchObject({ messages: 0, oldest: null, connections: 0, reservations: 0, pid: running.child.pid })
  const port = address.split('/')[4]
  const [again, taken] = await Promise.all([
    shell.run(['relay', '--data-dir', dir, '--listen', anyPort]),
    shell.run(['relay', '--data-dir', join(shell.dir, 'other'), '--listen', `/ip4/127.0.0.1/tcp/${port}`]),
  ])
  expect([again.code, again.out, again.err.includes('already')]).toEqual([1, '', true])
  expect([taken.code, taken.out, taken.err.includes(`${port}: another program`)]).toEqual([3, '', true])
  running.child.kill('SIGTERM')
  expect(await running.ended).toMatchObject({ code: 0, err: '' })
})

const onLinux = test.runIf(process.platform === 'linux')

/** Lets a process write nothing more into files, as if the disk were full; without a limit it may again. */
function limitFiles(pid: number | undefined, bytes: number | 'unlimited'): void {
  execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`])
}

onLinux('whose relay can write nothing any more is told so, and that nothing is lost', async () => {
  const shell = openShell(realMain)
  const at = ['--data-dir', join(shell.dir, 'a'), '--json'] as const
  const { running, address } = await relay(shell)
  await shell.json('init', '--name', 'Alice', '--relay', address, ...at)
  const daemon = shell.start(['daemon', ...at])
  await daemon.says('ready')
  const about = async (): Promise<readonly unknown[]> => {
    const { code, out } = await shell.run(['doctor', ...at])
    const { findings } = JSON.parse(out) as { findings: readonly Printed[] }
    const { state, says, todo } = findings.find((one) => one['about'] === `relay ${address}`) ?? {}
    return [code, state, says, todo]
  }
  expect(await about()).toMatchObject([0, 'good', expect.stringMatching(/^connected/u), undefined])
  limitFiles(running.child.pid, 1)
  const failing = [expect.stringMatching(/can keep no messages just now/u), expect.stringMatching(/^nothing is lost/u)]
  expect(await about()).toEqual([3, 'bad', ...failing])
  limitFiles(running.child.pid, 'unlimited')
  expect(await about()).toMatchObject([0, 'good', expect.stringMatching(/^connected/u), undefined])
})

test('a first run that was cut short is told from none, and can be repeated', async () => {
  const shell = openShell(realMain)
  const at = ['--data-dir', join(shell.dir, 'a')] as const
  await shell.json('init', '--name', 'Alice', ...at)
  rmSync(join(shell.dir, 'a', 'store.db'))
  const { code, err } = await shell.run(['id', ...at])
  expect([code, err]).toEqual([2, expect.stringMatching(/the store is gone or empty.*linnet init --name/u)])
  expect(await shell.json('init', '--name', 'Alice', ...at)).toMatchObject([{ name: 'Alice' }])
  expect(await shell.json('id', ...at)).toMatchObject([{ name: 'Alice' }])
})

onLinux('a first run that found no room on the disk leaves nothing that is in the way of a second', async () => {
  const shell = openShell(realMain)
  const at = ['init', '--name', 'Alice', '--data-dir', join(shell.dir, 'a')] as const
  for (const bytes of [0, 50, 20_000, 100_000]) {
    const { code, err } = await shell.run(at, undefined, {}, ['prlimit', `--fsize=${bytes}`])
    expect([code, err]).toEqual([2, expect.not.stringContaining('should not happen')])
  }
  expect((await shell.run(at)).code).toBe(0)
})

test('two people who are never online together talk through a relay that was killed in between', async () => {
  const shell = openShell(realMain)
  const [a, b] = [
    ['--data-dir', join(shell.dir, 'a')],
    ['--data-dir', join(shell.dir, 'b')],
  ] as const
  const { running, address } = await relay(shell)
  await Promise.all([
    shell.json('init', '--name', 'Alice', '--relay', address, ...a),
    shell.json('init', '--name', 'Bob', '--relay', address, ...b),
  ])
  const [invite] = await shell.json('invite', ...a)
  expect(await shell.json('add', String(invite?.['link']), ...b)).toMatchObject([{ name: 'Alice', state: 'added' }])
  const [sent] = await shell.json('send', 'Alice', 'first', ...b)
  expect(sent?.['state']).toBe('stored')
  running.child.kill('SIGKILL')
  await running.ended

  // With the relay away, a message is safe all the same.
  const late = await shell.run(['send', 'Alice', 'second', '--timeout', '0.2', '--json', ...b])
  expect([late.code, (JSON.parse(late.out) as Printed)['state']]).toEqual([0, 'queued'])
  const again = await relay(shell, address.split('/p2p/')[0])
  expect(again.address).toBe(address)
  const first = await shell.json('receive', ...a)
  expect(texts(first)).toEqual(['first'])
  await shell.json('receive', ...b)
  expect(texts(await shell.json('receive', ...a))).toEqual(['second'])
  const history = await shell.json('history', 'Bob', ...a)
  expect(history.map((one) => [one['from'], one['text']])).toEqual([
    ['Bob', 'first'],
    ['Bob', 'second'],
  ])

  // Both see the same digits, and whoever compared them says so.
  const [[hers], [his]] = [await shell.json('verify', 'Bob', ...a), await shell.json('verify', 'Alice', ...b)]
  expect(hers?.['digits']).toMatch(/^\d{60}$/u)
  expect(his?.['digits']).toBe(hers?.['digits'])
  expect(await shell.json('verify', 'Bob', '--same', ...a)).toMatchObject([{ name: 'Bob', verified: true }])
})

test('a profile is not made twice, and keeps what it has when somebody tries', async () => {
  const shell = openShell(realMain)
  const [first, second] = ['192.0.2.7', '192.0.2.9'].map((host) => `/ip4/${host}/tcp/4001/p2p/${somePeer}`)
  const at = ['--data-dir', join(shell.dir, 'alice')]
  const init = (hub = '') => shell.run(['init', '--name', 'Alice', '--relay', hub, ...at])
  expect((await init(first)).code).toBe(0)
  expect(await init(second)).toMatchObject({ code: 1, out: '', err: expect.stringContaining('already') })
  const [id] = await shell.json('id', ...at)
  expect(id).toMatchObject({ relays: [{ relay: first }] })
})

test('two chats in two terminals, line by line', async () => {
  const shell = openShell(realMain)
  const listen = ['--listen', anyPort]
  const [a, b] = [
    ['--data-dir', join(shell.dir, 'a')],
    ['--data-dir', join(shell.dir, 'b')],
  ] as const
  const { address } = await relay(shell)
  await Promise.all([
    shell.json('init', '--name', 'Alice', '--relay', address, ...a),
    shell.json('init', '--name', 'Bob', '--relay', address, ...b),
  ])
  const alice = shell.start([...listen, ...a], null)
  const bob = shell.start([...listen, ...b], null)
  alice.child.stdin?.write('/invite\n')
  const link = /linnet:\S+/u.exec(await alice.says(/linnet:\S+\n/u))?.[0] ?? ''
  bob.child.stdin?.write(`/add ${link}\n`)
  await alice.says('Bob is a contact now')
  bob.child.stdin?.write('hello from bob\n')
  await alice.says('Bob: hello from bob')
  alice.child.stdin?.write('/to Bob\nhello from alice\n')
  await bob.says('Alice: hello from alice')
  await bob.says('read by Alice')
  expect(await shell.json('contacts', ...a)).toMatchObject([{ name: 'Bob', state: 'added', online: true }])
  alice.child.stdin?.end()
  bob.child.stdin?.end('/quit\n')
  expect([(await alice.ended).code, (await bob.ended).code]).toEqual([0, 0])
})

test('the demonstration tells its story, ends 0, and leaves nothing', async () => {
  const shell = openShell(realMain)
  const { code, out, err } = await shell.run(['demo'], undefined, { TMPDIR: shell.dir })
  expect({ code, err }).toEqual({ code: 0, err: '' })
  for (const part of ['kill -9', 'went straight', 'not one is there', 'read', 'Every step']) expect(out).toContain(part)
  expect(leftovers(shell)).toEqual([])
})

test('Ctrl-C in the middle of the demonstration leaves nothing either', async () => {
  const shell = openShell(realMain)
  const demo = shell.start(['demo'], undefined, { TMPDIR: shell.dir })
  await demo.says('A relay is running')
  demo.child.kill('SIGINT')
  expect((await demo.ended).code).toBe(130)
  expect(leftovers(shell)).toEqual([])
})

function leftovers(shell: Shell): readonly string[] {
  return readdirSync(shell.dir).filter((name) => name.startsWith('linnet-demo-'))
}

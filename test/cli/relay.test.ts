/** What an operator types, from the first day to the day something has gone wrong. */
import { appendFileSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { linesOf, openShell, realMain } from './shell.ts'

const anywhere = ['--listen', '/ip4/127.0.0.1/tcp/0']

test('a relay is made, checked, run, copied, stopped, restored, and is still the same', async () => {
  const shell = openShell(realMain)
  const dir = join(shell.dir, 'relay')
  const at = ['--data-dir', dir]
  const [made] = await shell.json('relay', 'init', ...at)
  expect(made).toMatchObject({ configWritten: true, configFile: join(dir, 'relay.toml') })
  const file = readFileSync(join(dir, 'relay.toml'), 'utf8')
  writeFileSync(join(dir, 'relay.toml'), file.replace('127.0.0.1:9401', '127.0.0.1:0'))
  expect(await shell.json('relay', 'init', ...at)).toMatchObject([{ peerId: made?.['peerId'], configWritten: false }])
  expect(await shell.json('relay', 'config', 'check', ...at)).toMatchObject([{ store: 'sqlite', newMailboxes: true }])

  const running = shell.start(['relay', 'run', ...at, ...anywhere])
  const [address = ''] = linesOf(await running.says('\n'))
  expect(address).toContain(`/p2p/${String(made?.['peerId'])}`)
  const [status] = await shell.json('relay', 'status', ...at)
  expect(status).toMatchObject({ messages: 0, reached: {}, byUrgency: [0, 0, 0, 0, 0, 0] })
  const ready = await fetch(`${String(status?.['monitor'])}/ready`)
  expect(ready.status).toBe(200)
  const copy = join(shell.dir, 'copy')
  expect((await shell.run(['relay', 'backup', copy, ...at])).code).toBe(0)
  expect(await shell.run(['relay', 'restore', copy, ...at])).toMatchObject({ code: 1 })
  running.child.kill('SIGTERM')
  const ended = await running.ended
  expect(ended.code).toBe(0)
  const events = linesOf(ended.err).map((line) => (JSON.parse(line) as { event: string }).event)
  expect(events).toEqual(['started', 'draining', 'stopped'])

  expect((await shell.run(['relay', 'restore', copy, ...at])).code).toBe(0)
  expect(readdirSync(dir).some((name) => name.startsWith('before-restore-'))).toBe(true)
  const again = shell.start(['relay', ...at, ...anywhere])
  expect(await again.says('\n')).toContain(`/p2p/${String(made?.['peerId'])}`)
  again.child.kill('SIGTERM')
  expect((await again.ended).code).toBe(0)
})

test('a fault in the file is named, and the relay does not start with it', async () => {
  const shell = openShell(realMain)
  const at = ['--data-dir', shell.dir]
  appendFileSync(join(shell.dir, 'relay.toml'), '[limits]\nmailboxes-max = "many"\n')
  for (const args of [
    ['relay', 'config', 'check', ...at],
    ['relay', ...at, ...anywhere],
  ]) {
    const { code, err, out } = await shell.run(args)
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain('[limits] mailboxes-max takes a whole number')
  }
  const missing = await shell.run(['relay', 'config', 'check', '--config', join(shell.dir, 'gone.toml')])
  expect([missing.code, missing.err.includes('gone.toml')]).toEqual([1, true])
  const taken = await shell.run(['relay', ...at, ...anywhere], undefined, { LINNET_RELAY_MONITOR_LISTEN: 'nonsense' })
  expect([taken.code, taken.err.includes('[monitor] listen')]).toEqual([1, true])
})

test('a private relay keeps nothing for whoever does not say its token, who is told so, and keeps it for who does', async () => {
  const shell = openShell(realMain)
  const env = { LINNET_RELAY_ACCESS_TOKEN: 'open sesame' }
  const running = shell.start(['relay', '--data-dir', join(shell.dir, 'relay'), ...anywhere], undefined, env)
  const [address = ''] = linesOf(await running.says('\n'))
  const bob = ['--data-dir', join(shell.dir, 'bob'), '--no-lan', ...anywhere]
  const made = await shell.run(['init', '--name', 'Bob', '--relay', address, ...bob])
  expect(made).toMatchObject({ code: 0 })
  expect(await shell.run(['invite', ...bob])).toMatchObject({
    code: 0,
    err: `${address} keeps nothing for you: it is private and wants to hear a token (see linnet doctor)\n`,
  })
  const [ill] = await shell.json('id', ...bob)
  expect(ill).toMatchObject({ relays: [{ relay: address, refused: 'token-needed' }] })
  const named = ['--relay', `${address}?token=open%20sesame`]
  expect(await shell.run(['invite', ...bob, ...named])).toMatchObject({ code: 0, err: '' })
  expect(await shell.run(['invite', ...bob])).toMatchObject({ code: 0, err: '' }) // It is kept.
  expect(await shell.run(['doctor', ...bob])).toMatchObject({ code: 0 })
  running.child.kill('SIGTERM')
  expect((await running.ended).code).toBe(0)
})

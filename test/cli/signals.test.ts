/** How commands end when a signal or a closed terminal ends them: which code, and what is left behind. */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { contactNamed, fresh } from './fake-node.ts'
import { eventually, fakeMain, linesOf, openShell, plantProfile, type Shell } from './shell.ts'

/** Alice's profile, with these contacts in it. */
function profile(...contacts: readonly string[]): {
  readonly shell: Shell
  readonly dir: string
  readonly at: readonly string[]
} {
  const shell = openShell(fakeMain)
  const dir = join(shell.dir, 'p')
  plantProfile(dir, { ...fresh({ name: 'Alice', relays: [] }), contacts: contacts.map(contactNamed) })
  return { shell, dir, at: ['--data-dir', dir] }
}

test.each([
  ['SIGTERM', 0],
  ['SIGHUP', 0],
  ['SIGINT', 130],
] as const)('%s ends a daemon cleanly', async (signal, code) => {
  const { shell, dir, at } = profile()
  const daemon = shell.start(['daemon', '--json', ...at])
  const ready = JSON.parse(await daemon.says('\n')) as Record<string, unknown>
  expect(ready).toMatchObject({ type: 'ready', pid: daemon.child.pid, socket: join(dir, 'control.sock') })
  daemon.child.kill(signal)
  expect((await daemon.ended).code).toBe(code)
  expect((await shell.run(['id', ...at])).code).toBe(0)
})

const signals = [
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const

test.each(signals)('%s ends a one-shot command with %i, and leaves the profile free', async (signal, code) => {
  const { shell, dir, at } = profile('nobody')
  const sending = shell.start(['send', 'nobody', 'hi', '--wait', 'read', '--timeout', '60', ...at])
  await eventually(() => readFileSync(join(dir, 'fake.json'), 'utf8').includes('"hi"'))
  sending.child.kill(signal)
  expect(await sending.ended).toMatchObject({ code, err: '' })
  expect((await shell.run(['contacts', ...at])).code).toBe(0)
})

test.each(signals)('%s ends a chat with %i; what was said stays', async (signal, code) => {
  const { shell, dir, at } = profile('nobody')
  const chat = shell.start(at, null)
  chat.child.stdin?.write('hi\n')
  await eventually(() => readFileSync(join(dir, 'fake.json'), 'utf8').includes('"hi"'))
  chat.child.kill(signal)
  expect((await chat.ended).code).toBe(code)
  expect(linesOf((await shell.run(['history', 'nobody', ...at])).out)).toHaveLength(1)
})

test.runIf(process.platform === 'linux')('a chat whose terminal is closed ends as cleanly as by a word', async () => {
  const { shell, dir, at } = profile('nobody')
  const words = [process.execPath, fakeMain, ...at].map((word) => `'${word}'`).join(' ')
  const complaints = join(dir, 'complaints')
  const options = { env: { ...shell.env, TERM: 'xterm' } }
  const terminal = spawn('script', ['-qec', `exec ${words} 2>${complaints}`, '/dev/null'], options)
  let shown = ''
  terminal.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString()))
  await eventually(() => shown.includes('nobody>') && existsSync(join(dir, 'control.sock')))
  terminal.kill('SIGKILL')
  await eventually(() => !existsSync(join(dir, 'control.sock')))
  expect(readFileSync(complaints, 'utf8')).toBe('')
})

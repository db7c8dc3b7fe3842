/** Signals and terminals: which code a command ends with, what is left behind, and what a simple terminal is sent. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { arrives, eventually, fakeMain, linesOf, messageFrom } from './shell.ts'
import { profile, type Stage } from './stage.ts'

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

const onLinux = test.runIf(process.platform === 'linux') // Where `script` takes these words.

/** A chat at a terminal of its own; what it complains of goes to a file. */
function openTerminal({ shell, dir, at }: Stage, kind: string): { readonly child: ChildProcess; shown: string } {
  const words = [process.execPath, fakeMain, ...at].map((word) => `'${word}'`).join(' ')
  const env = { ...shell.env, TERM: kind }
  const child = spawn('script', ['-qec', `exec ${words} 2>${complaints(dir)}`, '/dev/null'], { env })
  const terminal = { child, shown: '' }
  child.stdout.on('data', (chunk: Buffer) => (terminal.shown += chunk.toString()))
  return terminal
}

const complaints = (dir: string): string => join(dir, 'complaints')

onLinux('a chat whose terminal is closed ends as cleanly as by a word', async () => {
  const stage = profile('nobody')
  const socket = join(stage.dir, 'control.sock')
  const terminal = openTerminal(stage, 'xterm')
  await eventually(() => terminal.shown.includes('nobody>') && existsSync(socket))
  terminal.child.kill('SIGKILL')
  await eventually(() => !existsSync(socket))
  expect(readFileSync(complaints(stage.dir), 'utf8')).toBe('')
})

onLinux('a terminal that can only go forward is sent no sequences', async () => {
  const stage = profile('nobody')
  const terminal = openTerminal(stage, 'dumb')
  await eventually(() => terminal.shown.includes('nobody>'))
  arrives(stage.dir, messageFrom('nobody', 'hello'))
  await eventually(() => terminal.shown.endsWith('nobody: hello\r\nnobody> '))
  terminal.child.stdin?.write('/quit\r')
  await once(terminal.child, 'close')
  expect(terminal.shown).not.toContain('\u001b')
})

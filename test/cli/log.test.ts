import { afterEach, expect, test, vi } from 'vitest'
import { openLog } from '../../cli/log.ts'
import { resolveSettings } from '../../cli/settings.ts'

const said: string[] = []
const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((line) => {
  said.push(String(line))
  return true
})
afterEach(() => {
  said.length = 0
  stderr.mockClear()
})

function logWith(flags: Readonly<Record<string, unknown>>): ReturnType<typeof openLog> {
  return openLog(resolveSettings({ flags, env: { HOME: '/nonexistent' } }))
}

test.each([
  [0, ['error']],
  [1, ['error', 'warn', 'info']],
  [2, ['error', 'warn', 'info', 'debug']],
] as const)('at verbosity %i it says %j', (verbose, levels) => {
  const log = logWith({ verbose })
  for (const level of ['error', 'warn', 'info', 'debug'] as const) log({ level, message: 'x' })
  expect(said.map((line) => line.split(' ')[1])).toEqual(levels)
})

test('a scrubbed log names nobody, and the same thing by the same tag', () => {
  const log = logWith({ 'scrub-log': true })
  const peer = '12D3KooWPx8y1RDkFVeUM7qN7jUemtzPV4RaikfMbsb5thi95Jjc'
  const telling = [`/ip4/192.0.2.7/tcp/4001/p2p/${peer}`, '192.0.2.9', peer, 'ab'.repeat(32), 'deadbeef']
  for (const one of telling) log({ level: 'error', message: 'lost', peer: one })
  for (const one of telling) expect(said.join('')).not.toContain(one)
  log({ level: 'error', message: 'found', peer: telling[1] })
  expect(said.at(-1)?.split('peer=')[1]).toBe(said[1]?.split('peer=')[1])
})

test('a line stays one line whatever is in it', () => {
  logWith({})({ level: 'error', message: 'a\nb', why: new Error('c\u001b[2Jd') })
  expect(said.join('')).toMatch(/^\S+ error a b why=c\[2Jd\n$/u)
})

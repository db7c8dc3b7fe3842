import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { profileDir } from '../../cli/places.ts'
import { resolveSettings } from '../../cli/settings.ts'

let home: string
const env = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({ HOME: home, ...more })

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'linnet-settings-'))
})
afterEach(() => rmSync(home, { recursive: true }))

function writeConfig(text: string, dir = join(home, '.config/linnet'), name = 'config.json'): string {
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, name), text)
  return join(dir, name)
}

test('a flag goes before the environment, that before the file, that before the default', () => {
  writeConfig('{"relay": ["/from/file"], "listen": ["/from/file"], "announce": "/from/file", "profile": "f"}')
  const settings = resolveSettings({
    flags: { relay: ['/from/flag'] },
    env: env({ LINNET_RELAY: '/from/env', LINNET_LISTEN: '/from/env,/and/another' }),
  })
  expect(settings.get('relay')).toEqual(['/from/flag'])
  expect(settings.get('listen')).toEqual(['/from/env', '/and/another'])
  expect(settings.get('announce')).toEqual(['/from/file'])
  expect(settings.get('json')).toBe(false)
  expect(Object.fromEntries(settings.sources)).toEqual({
    relay: 'flag',
    listen: 'environment',
    announce: 'file',
    profile: 'file',
    json: 'default',
    verbose: 'default',
    'scrub-log': 'default',
  })
})

test('the data directory moves the configuration file too, and a relay has its own', () => {
  const dir = join(home, 'elsewhere')
  writeConfig('{"profile": "moved"}', dir)
  writeConfig('{"profile": "keeper"}', dir, 'relay.json')
  expect(resolveSettings({ flags: { 'data-dir': dir }, env: env() }).get('profile')).toBe('moved')
  expect(resolveSettings({ flags: {}, env: env({ LINNET_DATA_DIR: dir }) }).get('profile')).toBe('moved')
  expect(resolveSettings({ flags: { 'data-dir': dir }, env: env(), fileName: 'relay.json' }).get('profile')).toBe(
    'keeper',
  )
})

test('a switch and a count are read from the environment', () => {
  const settings = resolveSettings({
    flags: {},
    env: env({ LINNET_JSON: '1', LINNET_VERBOSE: '2', LINNET_SCRUB_LOG: 'no' }),
  })
  expect([settings.get('json'), settings.get('verbose'), settings.get('scrub-log')]).toEqual([true, 2, false])
})

test.each([
  ['not JSON', '{'],
  ['not an object', '[]'],
  ['an unknown key', '{"relays": []}'],
  ['a list that is none', '{"relay": 7}'],
  ['a switch that is none', '{"json": "yes"}'],
  ['too much talk', '{"verbose": 3}'],
])('a file with %s is refused, by name', (_what, text) => {
  const path = writeConfig(text)
  expect(() => resolveSettings({ flags: {}, env: env() })).toThrow(path)
})

test.each([
  ['LINNET_JSON', 'perhaps'],
  ['LINNET_VERBOSE', 'very'],
])('%s=%s is refused, by name', (name, value) => {
  expect(() => resolveSettings({ flags: {}, env: env({ [name]: value }) })).toThrow(name)
})

test('a file that was named must be there', () => {
  expect(() => resolveSettings({ flags: { config: join(home, 'none.json') }, env: env() })).toThrow('none.json')
  expect(resolveSettings({ flags: {}, env: env() }).configFileRead).toBe(false)
})

test('XDG directories are used when absolute, and ignored when not', () => {
  expect(profileDir(env({ XDG_DATA_HOME: '/data' }), undefined, 'default')).toBe('/data/linnet/profiles/default')
  expect(profileDir(env({ XDG_DATA_HOME: 'data' }), undefined, 'bot')).toBe(
    join(home, '.local/share/linnet/profiles/bot'),
  )
})

test('an explicit directory is the default profile itself; others are beneath it', () => {
  expect(profileDir(env(), '/x', 'default')).toBe('/x')
  expect(profileDir(env(), '/x', 'bot')).toBe('/x/profiles/bot')
})

test.each(['', '..', '../x', 'a/b', '.hidden', 'x'.repeat(65), 'a\u0000b'])('“%s” cannot name a profile', (name) => {
  expect(() => profileDir(env(), '/x', name)).toThrow('cannot name a profile')
})

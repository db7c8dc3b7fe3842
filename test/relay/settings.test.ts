/** What an operator writes, and what is made of it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'smol-toml'
import { expect, test } from 'vitest'
import { peerIdOf } from '../../protocol/ids.ts'
import { accessOf } from '../../relay/io/access.ts'
import { meansWarnings } from '../../relay/operation/least.ts'
import { limitWords } from '../../relay/operation/limit-words.ts'
import { sampleFile } from '../../relay/operation/sample.ts'
import { readSettings, type RelaySettings } from '../../relay/operation/settings.ts'
import { allLimits, kebab, settingsTable } from '../../relay/operation/settings-table.ts'
import { readBytes, readTime, writeBytes, writeTime } from '../../relay/operation/values.ts'
import { createPerson } from './people.ts'
import { temporaryDirectory } from './temporary.ts'

function read(text: string, env: Record<string, string> = {}): RelaySettings {
  const result = readSettings({ text, env })
  if (!result.ok) throw new Error(result.complaints.join('\n'))
  return result.settings
}

function complaints(text: string, env: Record<string, string> = {}): readonly string[] {
  const result = readSettings({ text, env })
  return result.ok ? [] : result.complaints
}

test('nothing said is every default', () => {
  expect(read('')).toMatchObject({ store: 'sqlite', monitor: undefined, logLevel: 'warn', access: {} })
  expect(read('').limits).toEqual(allLimits)
})

test('the sample file is in order as it stands, and with every line of it in force', () => {
  expect(read(sampleFile()).monitor).toEqual({ host: '127.0.0.1', port: 9401 })
  const inForce = sampleFile().replaceAll(/^#(?=[a-z][a-z-]* = )/gm, '')
  const sections = parse(inForce)
  for (const { section, key } of settingsTable) expect(sections[section]).toHaveProperty(key)
  const examples = { 'access.token-file': '', 'access.allow': '[]', 'access.deny': '[]', 'drain.elsewhere': '[]' }
  const valid = Object.entries(examples).reduce((text, [name, value]) => {
    const key = name.split('.')[1] ?? ''
    return text.replace(new RegExp(`^${key} = .*$`, 'm'), value === '' ? '' : `${key} = ${value}`)
  }, inForce)
  expect(read(valid).limits).toEqual(allLimits)
})

test('every limit is in the file and in the handbook, in the same words', () => {
  const handbook = readFileSync(join(import.meta.dirname, '../../docs/operating.md'), 'utf8')
  for (const [name, words] of Object.entries(limitWords)) {
    expect(sampleFile()).toContain(`# ${words}\n#${kebab(name)} = `)
    expect(handbook).toContain(`| \`${kebab(name)}\` |`)
    expect(handbook).toContain(words)
  }
})

test('the environment goes before the file, and the file before the default', () => {
  const text =
    '[monitor]\nlisten = "127.0.0.1:1"\n[limits]\nmailboxes-max = 5\ndeposits = { burst = 7, per-second = 0.5 }'
  const env = { LINNET_RELAY_MONITOR_LISTEN: '[::1]:2', LINNET_RELAY_LIMITS_RELAY_BYTES_MAX: '2 GiB' }
  const { monitor, limits } = read(text, { ...env, LINNET_RELAY_LIMITS_CARD_LOOKUPS: '3,1' })
  expect(monitor).toEqual({ host: '::1', port: 2 })
  expect(limits).toMatchObject({ mailboxesMax: 5, relayBytesMax: 2 * 1_073_741_824 })
  expect([limits.deposits, limits.cardLookups]).toEqual([
    { burst: 7, perSecond: 0.5 },
    { burst: 3, perSecond: 1 },
  ])
})

test('no new mailboxes means room for none, and those who have one keep it', () => {
  expect(read('[access]\nnew-mailboxes = false').limits.mailboxesMax).toBe(0)
})

test('every fault is named at once, with its place', () => {
  const text =
    '[limits]\nmailboxes-max = -1\nno-such = 1\n[store]\nengine = "oracle"\n[monitor]\nlisten = "here"\n[nowhere]'
  expect(complaints(text, { LINNET_RELAY_LIMITS_DEPOSITS: 'many' })).toEqual([
    'there is no setting “no-such” in [limits]',
    'there is no section [nowhere]',
    '[limits] mailboxes-max takes a whole number',
    'LINNET_RELAY_LIMITS_DEPOSITS takes { burst = 20, per-second = 0.5 }',
    '[store] engine: “oracle” is none of sqlite, memory, postgres',
    '[monitor] listen takes an address and a port, like 127.0.0.1:9401; it is “here”',
  ])
  expect(complaints('[store]\nengine = "postgres"')[0]).toMatch(/url must say which database/)
  expect(complaints('this is not TOML')[0]).toMatch(/^not TOML/)
})

test('no fault hides another: not of a list, of an address, of a bound, of a variable', () => {
  const text = `[network]
listen = ["/ip4/0.0.0.0/tcp/99999"]
announce = ["relay.example.org:4001"]
[access]
token-file = "/nowhere/token"
deny = ["nobody"]
deny-addresses = ["192.0.2.1/99"]
[limits]
handshakes-max = 0
sweep-every-ms = "10 ms"
hand-over-ms-max = 0`
  const found = complaints(text, { LINNET_RELAY_LIMITS_MAILBOX_MAX: '5', LINNET_RELAY_SOMETHING_ELSE: '1' })
  expect(found).toEqual([
    'there is no setting for the variable LINNET_RELAY_LIMITS_MAILBOX_MAX',
    '[access] token-file: /nowhere/token cannot be read',
    '[access] deny: “nobody” is no account, device or PeerId.',
    expect.stringContaining('[access] deny-addresses: “192.0.2.1/99” is no address or network'),
    expect.stringContaining('[network] listen: “/ip4/0.0.0.0/tcp/99999” is no address a relay can have'),
    expect.stringContaining('[network] announce: “relay.example.org:4001” is no address'),
    '[limits] sweep-every-ms takes no less than 1 s',
    '[limits] handshakes-max takes no less than 1',
  ])
  expect(complaints('\n\n[network\n')[0]).toMatch(/^not TOML, line 3: /)
})

test('more connections than this process has files or memory for are warned of', () => {
  expect(meansWarnings(1)).toEqual([])
  const warnings = meansWarnings(10_000_000_000).join('\n')
  expect(warnings).toContain('memory is enough for about')
  if (process.platform === 'linux') expect(warnings).toContain('raise LimitNOFILE')
})

test('a token comes from a file without its line end, and one that cannot be read is a fault', async () => {
  const path = join(await temporaryDirectory(), 'token')
  writeFileSync(path, 'a phrase\n')
  expect(read(`[access]\ntoken-file = "${path}"`).access.token).toBe('a phrase')
  expect(complaints('[access]\ntoken-file = "/nowhere/token"')).toEqual([
    '[access] token-file: /nowhere/token cannot be read',
  ])
})

test('lists take accounts, devices, PeerIds, addresses and networks, and nothing else', () => {
  const bob = createPerson()
  const { deniesAddress, deniesPeer } = accessOf({
    deny: [peerIdOf(bob.device)],
    denyAddresses: ['192.0.2.0/24', '2001:db8::1'],
  })
  expect([deniesPeer(bob.device), deniesPeer(createPerson().device)]).toEqual([true, false])
  const hosts = ['192.0.2.77', '192.0.3.1', '2001:db8::1', '2001:db8::2', 'a.name']
  expect(hosts.map(deniesAddress)).toEqual([true, false, true, false, false])
  for (const word of ['192.0.2.0/33', '192.0.2/24', 'example.org', '1.2.3.4/8/8']) {
    expect(complaints(`[access]\ndeny-addresses = ["${word}"]`)).toHaveLength(1)
  }
  expect(complaints('[access]\nallow = ["bob"]')).toEqual(['[access] allow: “bob” is no account, device or PeerId.'])
})

test('metrics for everybody on the network are warned of', () => {
  const result = readSettings({ text: '[monitor]\nlisten = "0.0.0.0:9401"', env: {} })
  expect(result.ok && result.warnings.join()).toContain('not a loopback address')
})

test('sizes and times are written as they are read', () => {
  for (const bytes of [1, 1_023, 1_024, 3 * 1_048_576, 131_136]) expect(readBytes(writeBytes(bytes))).toBe(bytes)
  for (const ms of [1, 1_500, 60_000, 3_600_000, 86_400_000]) expect(readTime(writeTime(ms))).toBe(ms)
  expect([readBytes('1 GB'), readBytes('1.5 GiB'), readTime('1 year'), readTime(-1)]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})

test('other relays are named in full, or not at all', () => {
  const other = `/dns4/other.example.org/tcp/4001/p2p/${peerIdOf(createPerson().device)}`
  expect(read(`[drain]\nelsewhere = ["${other}"]`).elsewhere).toEqual([other])
  for (const word of ['other.example.org', '/dns4/other.example.org/tcp/4001', `${other}/p2p-circuit`]) {
    expect(complaints(`[drain]\nelsewhere = ["${word}"]`).join()).toContain('is not the full address of a relay')
  }
  expect(read(`[drain]\nelsewhere = ${JSON.stringify([other, other, other])}`).elsewhere).toHaveLength(3)
  const four = JSON.stringify([other, other, other, other])
  expect(complaints(`[drain]\nelsewhere = ${four}`)).toEqual(['[drain] elsewhere takes at most 3 relays'])
})

/**
 * What an operator has set, from the environment and the configuration file, checked before anything is opened: every
 * complaint at once, each with the place it is about, and none for a setting that merely stands at its default.
 */
import { readFileSync } from 'node:fs'
import { parse, TomlError } from 'smol-toml'
import { UsageError } from '../../protocol/errors.ts'
import { deviceIdOfPeerId } from '../../protocol/ids.ts'
import { addressBytesMax, relaysMax } from '../../protocol/limits.ts'
import { accessOf, type AccessOptions } from '../io/access.ts'
import type { AllLimits, StoreChoice } from '../relay.ts'
import { isRelayAddress } from './addresses.ts'
import { leastOf } from './least.ts'
import {
  allLimits,
  environmentName,
  kebab,
  sectionWords,
  settingsTable,
  type Kind,
  type Setting,
} from './settings-table.ts'
import { readBytes, readCount, readList, readRate, readSwitch, readText, readTime, writeTime } from './values.ts'

export interface RelaySettings {
  readonly listen: readonly string[] | undefined
  readonly announce: readonly string[] | undefined
  readonly store: StoreChoice
  readonly access: AccessOptions
  /** Relays to tell people of when this one ends. */
  readonly elsewhere: readonly string[]
  readonly limits: AllLimits
  /** Undefined: no metrics, no health. */
  readonly monitor: { readonly host: string; readonly port: number } | undefined
  readonly logLevel: 'error' | 'warn' | 'info' | 'silent'
}

export interface SettingsInit {
  /** The file's content; undefined when there is none. */
  readonly text: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Where variables of this program's begin that stand for a setting. */
const settingVariable = new RegExp(`^LINNET_RELAY_(${Object.keys(sectionWords).join('|')})_`, 'i')

export type SettingsRead =
  | { readonly ok: true; readonly settings: RelaySettings; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly complaints: readonly string[] }

export function readSettings({ text, env }: SettingsInit): SettingsRead {
  const complaints: string[] = []
  const said = new Map<string, unknown>()
  for (const [name, value] of fileValues(text, complaints)) said.set(name, value)
  const values = new Map<string, unknown>()
  for (const one of settingsTable) {
    const fromEnv = env[environmentName(one)]
    const raw = fromEnv === undefined || fromEnv === '' ? said.get(nameOf(one)) : fromEnv
    if (raw === undefined) continue
    const value = readers[one.kind](raw)
    if (value === undefined) complaints.push(`${placeOf(one, fromEnv)} takes ${takes[one.kind]}`)
    else values.set(nameOf(one), value)
  }
  complaints.push(...strayVariables(env))
  const settings = assemble((name) => values.get(name), complaints)
  if (complaints.length > 0) return { ok: false, complaints }
  return { ok: true, settings, warnings: warningsOf(settings) }
}

const readers: Readonly<Record<Kind, (value: unknown) => unknown>> = {
  text: readText,
  list: readList,
  switch: readSwitch,
  count: readCount,
  bytes: readBytes,
  time: readTime,
  rate: readRate,
}

const takes: Readonly<Record<Kind, string>> = {
  text: 'a text',
  list: 'a list of texts',
  switch: 'true or false',
  count: 'a whole number',
  bytes: 'a size, like "64 MiB"',
  time: 'a time, like "90 s"',
  rate: '{ burst = 20, per-second = 0.5 }',
}

/** A slip in a variable's name would leave the setting at its default without a word. */
function strayVariables(env: SettingsInit['env']): string[] {
  const known = new Set(settingsTable.map(environmentName))
  return Object.keys(env).flatMap((name) =>
    settingVariable.test(name) && !known.has(name) ? [`there is no setting for the variable ${name}`] : [],
  )
}

function fileValues(text: string | undefined, complaints: string[]): Map<string, unknown> {
  const values = new Map<string, unknown>()
  const known = new Set(settingsTable.map(nameOf))
  for (const [section, entries] of Object.entries(parsed(text, complaints))) {
    if (typeof entries !== 'object' || entries === null || Array.isArray(entries)) {
      complaints.push(`“${section}” stands outside of a section`)
      continue
    }
    if (!(section in sectionWords)) complaints.push(`there is no section [${section}]`)
    for (const [key, value] of Object.entries(entries)) {
      if (known.has(`${section}.${key}`)) values.set(`${section}.${key}`, value)
      else complaints.push(`there is no setting “${key}” in [${section}]`)
    }
  }
  return values
}

function parsed(text: string | undefined, complaints: string[]): Record<string, unknown> {
  try {
    return parse(text ?? '')
  } catch (error) {
    const line = error instanceof TomlError ? `, line ${error.line}` : ''
    const words = error instanceof Error ? error.message.split('\n')[0]?.replace('Invalid TOML document: ', '') : ''
    complaints.push(`not TOML${line}: ${words}`)
    return {}
  }
}

type Get = (name: string) => unknown

function assemble(get: Get, complaints: string[]): RelaySettings {
  const complain = <T>(read: () => T, otherwise: T): T => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      complaints.push(error.message)
      return otherwise
    }
  }
  const store = complain(() => storeOf(get), 'sqlite')
  const access = assembleAccess(get, complain)
  const elsewhere = complain(() => elsewhereOf(get), [])
  const monitor = complain(() => monitorOf(textOf(get, 'monitor.listen') ?? 'off'), undefined)
  const logLevel = complain(
    () => oneOf('[log] level', ['error', 'warn', 'info', 'silent'] as const, get('log.level') ?? 'warn'),
    'warn',
  )
  complaints.push(...addressFaults('listen', get), ...addressFaults('announce', get))
  const limits = limitsOf(get, complaints)
  return {
    listen: get('network.listen') as readonly string[] | undefined,
    announce: get('network.announce') as readonly string[] | undefined,
    store,
    access,
    elsewhere,
    limits,
    monitor,
    logLevel,
  }
}

function storeOf(get: Get): StoreChoice {
  const engine = oneOf('[store] engine', ['sqlite', 'memory', 'postgres'] as const, get('store.engine') ?? 'sqlite')
  const url = textOf(get, 'store.url')
  if (engine !== 'postgres') return engine
  if (url === undefined || !/^postgres(ql)?:\/\//.test(url)) {
    throw new UsageError('[store] url must say which database, like postgres://relay@localhost/linnet')
  }
  return { postgres: url }
}

type Complain = <T>(read: () => T, otherwise: T) => T

/** Each part by itself, so that a fault in one does not hide one in another. */
function assembleAccess(get: Get, complain: Complain): AccessOptions {
  const token = complain(() => textOf(get, 'access.token') ?? tokenIn(textOf(get, 'access.token-file')), undefined)
  const list = (key: string): readonly string[] | undefined => get(`access.${key}`) as readonly string[] | undefined
  const [allow, deny, denyAddresses] = [list('allow'), list('deny'), list('deny-addresses')]
  const parts: readonly (readonly [place: string, part: AccessOptions])[] = [
    ['token', token === undefined ? {} : { token }],
    ['allow', allow === undefined ? {} : { allow }],
    ['deny', deny === undefined ? {} : { deny }],
    ['deny-addresses', denyAddresses === undefined ? {} : { denyAddresses }],
  ]
  return parts.reduce<AccessOptions>((all, [place, part]) => {
    const checked = complain(() => {
      return placed(`[access] ${place}`, () => (accessOf(part), part)) // Complains of words that mean nothing.
    }, {})
    return { ...all, ...checked }
  }, {})
}

function placed<T>(place: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(`${place}: ${error.message}`) : error
  }
}

function addressFaults(key: 'listen' | 'announce', get: Get): string[] {
  const addresses = (get(`network.${key}`) ?? []) as readonly string[]
  return addresses.flatMap((address) =>
    isRelayAddress(address)
      ? []
      : [`[network] ${key}: “${address}” is no address a relay can have; one looks like /ip4/0.0.0.0/tcp/4001`],
  )
}

function tokenIn(path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch {
    throw new UsageError(`[access] token-file: ${path} cannot be read`)
  }
}

/** The protocol bounds their number and length. */
function elsewhereOf(get: Get): readonly string[] {
  const relays = (get('drain.elsewhere') ?? []) as readonly string[]
  if (relays.length > relaysMax) throw new UsageError(`[drain] elsewhere takes at most ${relaysMax} relays`)
  for (const relay of relays) {
    const [, peer] =
      /^\/(?:ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d{1,5}(?:\/(?:ws|wss|tls\/ws))?\/p2p\/([^/]+)$/.exec(relay) ?? []
    if (peer !== undefined && deviceIdOfPeerId(peer) !== undefined && relay.length <= addressBytesMax) continue
    throw new UsageError(
      `[drain] elsewhere: “${relay}” is not the full address of a relay, which ends in /p2p/12D3KooW…`,
    )
  }
  return relays
}

function monitorOf(text: string): RelaySettings['monitor'] {
  if (text === 'off' || text === '') return undefined
  const [, host, port] = /^(?:\[([0-9a-f:]+)\]|[^:[\]]+):(\d{1,5})$/i.exec(text) ?? []
  if (port === undefined || Number(port) > 65_535) {
    throw new UsageError(`[monitor] listen takes an address and a port, like 127.0.0.1:9401; it is “${text}”`)
  }
  return { host: host ?? text.slice(0, text.lastIndexOf(':')), port: Number(port) }
}

function limitsOf(get: Get, complaints: string[]): AllLimits {
  const limits = Object.entries(allLimits).map(([name, standard]) => {
    const value = get(`limits.${kebab(name)}`) ?? standard
    const least = leastOf(name as keyof AllLimits)
    if (typeof value !== 'number' || value >= least) return [name, value]
    complaints.push(`[limits] ${kebab(name)} takes no less than ${least === 1 ? least : writeTime(least)}`)
    return [name, standard]
  })
  const all = Object.fromEntries(limits) as AllLimits
  // Those who have a mailbox publish as before; a newcomer finds no room.
  return get('access.new-mailboxes') === false ? { ...all, mailboxesMax: 0 } : all
}

function warningsOf({ monitor, limits }: RelaySettings): string[] {
  const warnings: string[] = []
  if (monitor !== undefined && !/^(127\.|::1$|localhost$)/.test(monitor.host)) {
    warnings.push('[monitor] listen is not a loopback address: whoever reaches it can read the metrics')
  }
  if (limits.inFlightBytesMax > 4 * 1_048_576) {
    warnings.push('[limits] in-flight-bytes-max is above 4 MiB: a slow reader’s stream may be cut before it is full')
  }
  return warnings
}

function oneOf<W extends string>(place: string, words: readonly W[], value: unknown): W {
  const word = words.find((one) => one === value)
  if (word === undefined) throw new UsageError(`${place}: “${String(value)}” is none of ${words.join(', ')}`)
  return word
}

function textOf(get: Get, name: string): string | undefined {
  return get(name) as string | undefined
}

function nameOf({ section, key }: Setting): string {
  return `${section}.${key}`
}

function placeOf(setting: Setting, fromEnv: string | undefined): string {
  return fromEnv === undefined || fromEnv === '' ? `[${setting.section}] ${setting.key}` : environmentName(setting)
}

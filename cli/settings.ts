/**
 * What is in force and where it came from: flag before environment before configuration file before default. One table
 * says which settings there are; the flags in `program.ts`, `config show` and the documentation follow it.
 */
import { readFileSync } from 'node:fs'
import { usageError } from './exit.ts'
import { configFile, defaultProfile } from './places.ts'

export type Source = 'flag' | 'environment' | 'file' | 'default'

/** Text, a list of texts, a yes or no, or a count. Keys are those of the configuration file and, with `--`, the flags. */
const kinds = {
  profile: 'text',
  'data-dir': 'text',
  relay: 'list',
  listen: 'list',
  announce: 'list',
  circuits: 'switch',
  lan: 'switch',
  upnp: 'switch',
  presence: 'switch',
  json: 'switch',
  verbose: 'count',
  'scrub-log': 'switch',
  'passphrase-file': 'text',
} as const

export type Key = keyof typeof kinds
type Kind = (typeof kinds)[Key]
type ValueOf<K extends Kind> = K extends 'text'
  ? string
  : K extends 'list'
    ? readonly string[]
    : K extends 'switch'
      ? boolean
      : number
type Value = ValueOf<Kind>

export interface Settings {
  /** undefined: nothing was said, and whoever needs it has its own default. */
  get<K extends Key>(key: K): ValueOf<(typeof kinds)[K]> | undefined
  readonly sources: ReadonlyMap<Key, Source>
  readonly configFile: string
  readonly configFileRead: boolean
}

export interface Given {
  /** As commander parsed them, by key. */
  readonly flags: Readonly<Record<string, unknown>>
  readonly env: NodeJS.ProcessEnv
  /** `config.json`, or `relay.toml` for a relay, so that the two can share a directory. */
  readonly fileName?: string
}

export const keys: readonly Key[] = Object.keys(kinds) as Key[]

const defaults: Partial<Record<Key, Value>> = {
  profile: defaultProfile,
  json: false,
  verbose: 0,
  'scrub-log': false,
}

export function resolveSettings(given: Given): Settings {
  const values = new Map<Key, Value>()
  const sources = new Map<Key, Source>()
  const take = (source: Source, read: (key: Key) => Value | undefined): void => {
    for (const key of keys) {
      const value = sources.has(key) ? undefined : read(key)
      if (value === undefined) continue
      values.set(key, value)
      sources.set(key, source)
    }
  }
  take('flag', (key) => fromFlag(key, given.flags[key]))
  take('environment', (key) => fromEnvironment(key, given.env))
  const named = given.flags['config'] ?? nonEmpty(given.env['LINNET_CONFIG'])
  const dataDir = values.get('data-dir') as string | undefined
  const path = typeof named === 'string' ? named : configFile(given.env, dataDir, given.fileName ?? 'config.json')
  // A relay's file is TOML, with settings of its own: it reads it itself.
  const file = path.endsWith('.toml') ? undefined : readConfig(path, typeof named === 'string')
  take('file', (key) => file?.get(key))
  take('default', (key) => defaults[key])
  return {
    get: (key) => values.get(key) as never,
    sources,
    configFile: path,
    configFileRead: file !== undefined,
  }
}

export function environmentName(key: Key): string {
  return `LINNET_${key.toUpperCase().replaceAll('-', '_')}`
}

function fromFlag(key: Key, value: unknown): Value | undefined {
  return value === undefined ? undefined : check(key, value, `--${key}`)
}

function fromEnvironment(key: Key, env: NodeJS.ProcessEnv): Value | undefined {
  const name = environmentName(key)
  const text = nonEmpty(env[name])
  if (text === undefined) return undefined
  switch (kinds[key]) {
    case 'text':
      return text
    case 'list':
      return text.split(/[\s,]+/u).filter((one) => one !== '')
    case 'switch':
      if (/^(1|true|yes|on)$/iu.test(text)) return true
      if (/^(0|false|no|off)$/iu.test(text)) return false
      throw usageError(`${name} is “${text}”; it takes 1 or 0`)
    case 'count':
      return check(key, /^[0-9]$/u.test(text) ? Number(text) : text, name)
  }
}

/** A file that was named must be there; the usual one need not. */
function readConfig(path: string, named: boolean): ReadonlyMap<Key, Value> | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (!named && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined
    throw usageError(`cannot read the configuration file ${path} (${code ?? String(error)})`)
  }
  return parseConfig(text, path)
}

function parseConfig(text: string, path: string): ReadonlyMap<Key, Value> {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw usageError(`${path} is not JSON: ${(error as Error).message}`)
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw usageError(`${path} must hold one JSON object, like {"relay": ["/ip4/…"]}`)
  }
  const values = new Map<Key, Value>()
  for (const [key, value] of Object.entries(parsed)) {
    if (!(key in kinds)) throw usageError(`${path}: there is no setting “${key}”; there are ${keys.join(', ')}`)
    values.set(key as Key, check(key as Key, value, `${path}: “${key}”`))
  }
  return values
}

function check(key: Key, value: unknown, where: string): Value {
  switch (kinds[key]) {
    case 'text':
      if (typeof value === 'string' && value !== '') return value
      throw usageError(`${where} takes a text`)
    case 'list':
      if (typeof value === 'string') return [value]
      if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value
      throw usageError(`${where} takes a list of texts`)
    case 'switch':
      if (typeof value === 'boolean') return value
      throw usageError(`${where} takes true or false`)
    case 'count':
      if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 2) return value
      throw usageError(`${where} takes 0, 1 or 2`)
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}

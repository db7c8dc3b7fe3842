/**
 * Every setting of a relay: its section and key in the file, what kind of value it takes, its default and what it is for.
 * The sample file, the environment, the check of a file and the documentation follow this table. An environment variable is
 * named after section and key: `[monitor] listen` is `LINNET_RELAY_MONITOR_LISTEN`.
 */
import { relayLimits, type Rate } from '../core/limits.ts'
import { hostLimits } from '../io/host.ts'
import { strangerIdleMs } from '../../protocol/limits.ts'
import type { AllLimits } from '../relay.ts'
import { limitWords } from './limit-words.ts'

export type Kind = 'text' | 'list' | 'switch' | 'count' | 'bytes' | 'time' | 'rate'

export interface Setting {
  readonly section: string
  readonly key: string
  readonly kind: Kind
  /** What holds when nothing is said; undefined: nothing does. */
  readonly standard: string | boolean | number | Rate | readonly string[] | undefined
  readonly words: string
  /** What a new file sets, where that is something else than the default. */
  readonly suggested?: string
}

export const sectionWords: Readonly<Record<string, string>> = {
  network: 'Where the relay listens, and what it tells others.',
  store: 'Where messages, cards and prekeys are kept.',
  access: 'Who may have a mailbox here. Everyone may write to those who do.',
  monitor: 'Metrics and health over plain HTTP: GET /metrics, /live and /ready.',
  drain: 'What is said to devices when the relay ends.',
  log: 'One JSON object a line on stderr. No names, keys or addresses are written.',
  limits:
    'What the relay does to protect itself. Rates are for one connection: so many at once, then so many a second.',
}

export const allLimits: AllLimits = { ...relayLimits, ...hostLimits, strangerIdleMs }

const general: readonly Setting[] = [
  setting(
    'network',
    'listen',
    'list',
    undefined,
    'Multiaddrs to listen on. By default port 4001 on IPv4, and IPv6 where there is any.',
  ),
  setting(
    'network',
    'announce',
    'list',
    undefined,
    'What to tell others instead, such as /dns4/relay.example.org/tcp/4001.',
  ),
  setting(
    'store',
    'engine',
    'text',
    'sqlite',
    'sqlite, in the data directory; postgres, shared by several relays; memory, which forgets.',
  ),
  setting(
    'store',
    'url',
    'text',
    undefined,
    'For postgres: postgres://user:password@host/database. Better in the environment than here.',
  ),
  setting(
    'access',
    'new-mailboxes',
    'switch',
    true,
    'false: those who have a mailbox keep it, nobody else gets one. To retire a relay.',
  ),
  setting(
    'access',
    'token',
    'text',
    undefined,
    'What a device must say to have a mailbox: makes the relay private. Better in a file:',
  ),
  setting(
    'access',
    'token-file',
    'text',
    undefined,
    'A file that holds the token; its last line end is not part of it.',
  ),
  setting(
    'access',
    'allow',
    'list',
    undefined,
    'Accounts, devices and PeerIds that may have a mailbox. Without this line everyone may.',
  ),
  setting('access', 'deny', 'list', undefined, 'Those that may not; their connections are refused too.'),
  setting(
    'access',
    'deny-addresses',
    'list',
    undefined,
    'Addresses and networks whose connections are refused, such as 192.0.2.0/24.',
  ),
  {
    section: 'monitor',
    key: 'listen',
    kind: 'text',
    standard: 'off',
    suggested: '127.0.0.1:9401',
    words: 'Address and port, or "off". Keep it on loopback: it is meant for this machine.',
  },
  setting(
    'drain',
    'elsewhere',
    'list',
    undefined,
    'Up to three other relays, in full. People are told of them and decide for themselves; no device moves by itself.',
  ),
  {
    section: 'log',
    key: 'level',
    kind: 'text',
    standard: 'warn',
    suggested: 'info',
    words: 'error, warn, info or silent.',
  },
]

export const settingsTable: readonly Setting[] = [
  ...general,
  ...Object.entries(allLimits).map(([name, standard]) =>
    setting('limits', kebab(name), kindOf(name, standard), standard, limitWords[name as keyof AllLimits]),
  ),
]

export function environmentName({ section, key }: Setting): string {
  return `LINNET_RELAY_${section}_${key}`.toUpperCase().replaceAll('-', '_')
}

/** `mailboxesMax` to `mailboxes-max`. */
export function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function setting(section: string, key: string, kind: Kind, standard: Setting['standard'], words: string): Setting {
  return { section, key, kind, standard, words }
}

function kindOf(name: string, standard: number | Rate): Kind {
  if (typeof standard !== 'number') return 'rate'
  if (/Bytes/.test(name)) return 'bytes'
  return /Ms(Max)?$/.test(name) ? 'time' : 'count'
}

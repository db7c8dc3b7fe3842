/** The configuration file as a new relay gets it: every setting there is, commented, nearly all at their defaults. */
import { sectionWords, settingsTable, type Setting } from './settings-table.ts'
import { writeBytes, writeTime } from './values.ts'

export function sampleFile(): string {
  const sections = Object.entries(sectionWords).map(([section, words]) => {
    const settings = settingsTable.filter((one) => one.section === section)
    return [`[${section}]`, `# ${words}`, '', ...settings.map(lines)].join('\n')
  })
  return [`${opening}\n`, ...sections].join('\n')
}

const opening = `# A relay's settings. What stands behind a “#” is the default, or an example where there is none: take the “#” away to
# change it. An environment variable goes before this file: [monitor] listen is LINNET_RELAY_MONITOR_LISTEN.
# "linnet relay config check" reads this file and says what is wrong with it. Changes hold from the next start on.`

const examples: Readonly<Record<string, string>> = {
  'network.listen': '["/ip4/0.0.0.0/tcp/4001", "/ip6/::/tcp/4001"]',
  'network.announce': '["/dns4/relay.example.org/tcp/4001"]',
  'store.url': '"postgres://linnet@localhost/linnet"',
  'access.token': '"some long phrase"',
  'access.token-file': '"/etc/linnet/token"',
  'access.allow': '["12D3KooW…"]',
  'access.deny': '["12D3KooW…"]',
  'drain.elsewhere': '["/dns4/other.example.org/tcp/4001/p2p/12D3KooW…"]',
  'access.deny-addresses': '["192.0.2.0/24", "2001:db8::/32"]',
}

function lines(setting: Setting): string {
  if (setting.suggested !== undefined) {
    return `# ${setting.words} By default ${valueOf(setting)}.\n${setting.key} = ${JSON.stringify(setting.suggested)}\n`
  }
  return `# ${setting.words}\n#${setting.key} = ${valueOf(setting)}\n`
}

/** As it stands in the file. */
export function valueOf({ section, key, kind, standard }: Setting): string {
  if (standard === undefined) return examples[`${section}.${key}`] ?? '""'
  if (typeof standard === 'object' && 'burst' in standard) {
    const { burst, perSecond } = standard
    return `{ burst = ${burst}, per-second = ${perSecond} }`
  }
  if (kind === 'bytes' && typeof standard === 'number') return JSON.stringify(writeBytes(standard))
  if (kind === 'time' && typeof standard === 'number') return JSON.stringify(writeTime(standard))
  return JSON.stringify(standard)
}

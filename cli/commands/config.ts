/** `linnet config show`: what is in force, and where each value came from. Secrets are only said to be set. */
import type { Command } from 'commander'
import type { Job, Tools } from '../job.ts'
import { dirOf, socketOf } from '../owner.ts'
import { printable } from '../printable.ts'
import { environmentName, keys } from '../settings.ts'
import { examples } from './example.ts'

export function addConfig(program: Command, tools: Tools): void {
  const config = program.command('config').description('settings')
  examples(config, ['linnet config show', 'see there'])
  const show = config
    .command('show')
    .description('what is in force, and where each value came from')
    .action(() => tools.act(showConfig))
  examples(
    show,
    ['linnet config show', 'also says where the configuration file is looked for'],
    ['LINNET_PROFILE=work linnet config show --json', 'one object a line: key, value, source'],
  )
}

async function showConfig(job: Job): Promise<void> {
  const { settings, output } = job
  for (const key of keys) {
    const value = key === 'relay' ? settings.get(key)?.map(withoutToken) : settings.get(key)
    const source = settings.sources.get(key) ?? 'default'
    const from = source === 'environment' ? environmentName(key) : source === 'file' ? settings.configFile : source
    const shown = value === undefined ? '(unset)' : Array.isArray(value) ? value.join(' ') : String(value)
    await output.print({ key, value: value ?? null, source }, `${key.padEnd(16)} ${printable(shown)}  [${from}]`)
  }
  const set = Boolean(job.env['LINNET_PASSPHRASE'])
  await output.print(
    { key: 'passphrase', value: set, source: set ? 'environment' : 'default' },
    `${'passphrase'.padEnd(16)} ${set ? '(set)  [LINNET_PASSPHRASE]' : '(unset)  [default]'}`,
  )
  for (const [key, value] of places(job)) {
    await output.print({ key, value, source: 'derived' }, `${key.padEnd(16)} ${printable(value)}`)
  }
}

function withoutToken(relay: string): string {
  return relay.replace(/\?.*/su, '?token=(set)')
}

function places(job: Job): readonly (readonly [string, string])[] {
  const { configFile, configFileRead } = job.settings
  return [
    ['config', configFileRead || job.output.json ? configFile : `${configFile} (not there)`],
    ['directory', dirOf(job)],
    ['socket', socketOf(job)],
  ]
}

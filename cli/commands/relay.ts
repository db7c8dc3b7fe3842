/**
 * The words of `linnet relay`: with nothing or `run` it runs one; the others are for whoever operates it. What each does is
 * in `cli/operate/`, what a relay does in `relay/`.
 */
import type { Command } from 'commander'
import { usageError } from '../exit.ts'
import type { Tools } from '../job.ts'
import { backUp, checkConfig, initiate, restore } from '../operate/keep.ts'
import { configName } from '../operate/places.ts'
import { runRelay } from '../operate/run.ts'
import { showStatus } from '../operate/status.ts'
import { examples } from './example.ts'

export function addRelay(program: Command, tools: Tools): void {
  const relay = program
    .command('relay')
    .description('run a relay, which keeps messages for those who are away; prints its address when ready')
  examples(
    relay,
    ['linnet relay', 'listens on port 4001, keeps its data in the usual place'],
    ['linnet relay --listen /ip4/0.0.0.0/tcp/4001 --data-dir /var/lib/linnet-relay', 'as a service would start it'],
    ['linnet relay --announce /dns4/relay.example.org/tcp/4001', 'tells others a name instead of what it listens on'],
  )
  examples(
    relay
      .command('init')
      .description('make the directory, the key and a commented configuration file; nothing that is there is replaced')
      .action(() => tools.act(initiate, configName)),
    ['linnet relay init --data-dir /var/lib/linnet-relay', 'once, before the first start'],
  )
  examples(
    relay
      .command('run')
      .description('the same as linnet relay')
      .action(() => tools.act(runRelay, configName)),
    ['linnet relay run --config /etc/linnet/relay.toml', 'as a service would start it'],
  )
  examples(
    relay
      .command('status')
      .description('how the running relay stands: messages, connections, prekeys, limits reached, disk')
      .action(() => tools.act(showStatus, configName)),
    ['linnet relay status --json', 'for a monitor: one object'],
  )
  addKeeping(relay, tools)
  // Last, because what it allows the group itself is not for those in it.
  relay.helpCommand('help [command]', 'say what a command does')
  relay.allowExcessArguments().action((_flags, { args: [unknown] }: Command) => {
    if (unknown === undefined) return tools.act(runRelay, configName)
    throw usageError(`there is no command “relay ${unknown}”; linnet relay --help lists what there is`)
  })
}

function addKeeping(relay: Command, tools: Tools): void {
  examples(
    relay
      .command('backup')
      .description('copy the database and the key into a new directory, while the relay runs or not')
      .argument('<directory>', 'must not exist yet')
      .action((directory: string) => tools.act((job) => backUp(job, directory), configName)),
    ['linnet relay backup /var/backups/linnet-$(date +%F)', 'nightly; whoever has the copy has the key'],
  )
  examples(
    relay
      .command('restore')
      .description('put a copy in the place of what is there, which is kept beside it; the relay must not run')
      .argument('<directory>', 'made by backup')
      .action((directory: string) => tools.act((job) => restore(job, directory), configName)),
    ['linnet relay restore /var/backups/linnet-2026-11-22', 'the messages of that moment; prekeys are published anew'],
  )
  const config = relay.command('config').description('the configuration file')
  examples(config, ['linnet relay config check', 'see there'])
  examples(
    config
      .command('check')
      .description('say what is wrong with the configuration file and the environment, without starting anything')
      .action(() => tools.act(checkConfig, configName)),
    ['linnet relay config check --config /etc/linnet/relay.toml', 'before every restart; ends 1 when there is a fault'],
  )
}

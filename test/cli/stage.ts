/** A shell beside a profile that has contacts in it, on a node that speaks to nobody. */
import { join } from 'node:path'
import { contactNamed, fresh } from './fake-node.ts'
import { fakeMain, openShell, plantProfile, type Shell } from './shell.ts'

export interface Stage {
  readonly shell: Shell
  readonly dir: string
  readonly at: readonly string[]
}

/** Alice's profile, with these contacts in it. */
export function profile(...contacts: readonly string[]): Stage {
  const shell = openShell(fakeMain)
  const dir = join(shell.dir, 'p')
  plantProfile(dir, {
    ...fresh({ name: 'Alice', relays: ['/dns4/r/tcp/1/p2p/12D3KooWR'] }),
    contacts: contacts.map(contactNamed),
  })
  return { shell, dir, at: ['--data-dir', dir] }
}

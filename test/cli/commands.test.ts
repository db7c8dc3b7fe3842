/** Every command as a shell runs it, on a node that speaks to nobody: words, JSON shapes, and exit codes. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Command } from 'commander'
import { buildProgram } from '../../cli/program.ts'
import type { Rows } from './fake-node.ts'
import { arrives, fakeMain, linesOf, messageFrom, openShell } from './shell.ts'
import { profile } from './stage.ts'

function allCommands(from: Command): readonly Command[] {
  return [from, ...from.commands.flatMap(allCommands)]
}

test('every command explains itself, with an example and the flags they all have', () => {
  const program = new Command('linnet')
  buildProgram(program, { programs: {} as never, env: {}, act: async () => undefined })
  const names: string[] = []
  for (const command of allCommands(program)) {
    let help = ''
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
    expect(help).toMatch(/Examples?:\n {2}\$ (.* )?linnet/u)
    expect(help).toContain('--data-dir')
    names.push(command.name())
  }
  const said =
    'linnet init id invite add contacts accept block rename send sim receive history verify why doctor daemon relay init run status backup restore config check config show demo'
  expect(names).toEqual(said.split(' '))
})

test('“help send” is “send --help”', async () => {
  const shell = openShell(fakeMain)
  const [asked, flagged] = [await shell.run(['help', 'send']), await shell.run(['send', '--help'])]
  expect(asked).toEqual(flagged)
  expect(asked).toMatchObject({ code: 0, err: '', out: expect.stringContaining('say something to someone') as string })
})

test.each([
  ['an unknown command', ['bogus'], 'bogus'],
  ['an unknown flag', ['id', '--bogus'], '--bogus'],
  ['a missing argument', ['send'], 'who'],
  ['too many words', ['send', 'bob', 'two', 'words'], 'too many words: a text with spaces goes in quotes'],
  ['a relay command that is none', ['relay', 'stats'], 'no command “relay stats”'],
  ['a word too many for a relay command', ['relay', 'status', 'now'], 'too many'],
  ['nothing to send', ['send', 'bob'], '--stdin'],
  ['a state nobody can wait for', ['send', 'bob', 'hi', '--wait', 'gone'], 'stored, delivered or read'],
  ['a time that is none', ['receive', '--timeout', 'soon'], 'seconds'],
  ['a number that is none', ['history', 'bob', '--limit', '-1'], 'whole number'],
  ['an address that is none', ['id', '--relay', 'example.org'], '/ip4/'],
  ['a profile that cannot be', ['id', '--profile', '../../etc'], 'profile'],
  ['no profile', ['id'], 'linnet init --name'],
  ['an id that is none', ['why', 'abc'], '32 digits'],
])('%s ends 1 and says so on stderr alone', async (_what, args, word) => {
  const shell = openShell(fakeMain)
  if (args[0] === 'why') await shell.run(['init', '--name', 'A'])
  const { code, out, err } = await shell.run(args)
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toContain(word)
})

test('with --json wrong usage is an object too', async () => {
  const { code, err } = await openShell(fakeMain).run(['send', '--json'])
  expect(code).toBe(1)
  expect(JSON.parse(err)).toMatchObject({ type: 'error', reason: 'usage', exit: 1 })
})

test.each(['/ip4/300.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/70000', '/ip4/127.0.0.1', '/ip6/127.0.0.1/tcp/1'])(
  'a relay does not listen on %s',
  async (address) => {
    const shell = openShell(fakeMain)
    const { code, err } = await shell.run(['relay', '--listen', address, '--data-dir', join(shell.dir, 'r')])
    expect([code, err.includes(address)]).toEqual([1, true])
  },
)

test('a profile is made once, and only its user can read it', async () => {
  const shell = openShell(fakeMain)
  const dir = join(shell.dir, 'p')
  const at = ['--data-dir', dir]
  const help = await shell.run(['init', '--help'])
  expect([help.code, help.err]).toEqual([0, ''])
  expect(await shell.json('init', '--name', 'Alice', ...at)).toMatchObject([{ name: 'Alice', peerId: '12D3KooWFake' }])
  const again = await shell.run(['init', '--name', 'Mallory', ...at])
  expect(again.code).toBe(1)
  expect(again.err).toContain('already')
  expect(statSync(dir).mode & 0o777).toBe(0o700)
  expect(statSync(join(dir, 'fake.json')).mode & 0o777).toBe(0o600)
})

test('id, invite, add, contacts, rename, accept and block answer in JSON', async () => {
  const { shell, at } = profile()
  const [id] = await shell.json('id', ...at)
  expect(id).toMatchObject({ name: 'Alice', relays: [{ connected: true, preKeysLeft: 100 }] })
  expect(await shell.json('invite', ...at)).toEqual([{ link: 'linnet:Alice' }])
  expect(await shell.json('add', 'linnet:Bob', '--as', 'bobby', ...at)).toMatchObject([
    { name: 'bobby', state: 'added' },
  ])
  expect(await shell.json('rename', 'bobby', 'bob', ...at)).toMatchObject([{ name: 'bob' }])
  expect(await shell.json('block', 'bob', ...at)).toMatchObject([{ state: 'blocked' }])
  expect(await shell.json('accept', 'bob', ...at)).toMatchObject([{ state: 'added' }])
  const [contact] = await shell.json('contacts', ...at)
  expect(contact).toMatchObject({ name: 'bob', state: 'added', account: expect.stringMatching(/^[0-9a-f]{64}$/u) })
})

test('invite prints the link alone', async () => {
  const { shell, at } = profile()
  expect((await shell.run(['invite', ...at])).out).toBe('linnet:Alice\n')
})

test('with nobody running, send stays until a relay has the message', async () => {
  const { shell, at } = profile('Bob')
  const [sent] = await shell.json('send', 'Bob', 'hello', ...at)
  expect(sent).toEqual({ id: expect.stringMatching(/^[0-9a-f]{32}$/u), state: 'stored' })
  const [message] = await shell.json('history', 'Bob', ...at)
  expect(message).toMatchObject({ id: sent?.['id'], from: 'me', text: 'hello', state: 'stored' })
  const [why] = await shell.json('why', String(sent?.['id']), ...at)
  expect(why).toMatchObject({ message: { text: 'hello' }, attempts: [{ route: 'relay', outcome: 'stored' }] })
})

test('a message nobody takes in time is queued: 0 when only accepted, 6 when waited for', async () => {
  const { shell, at } = profile('nobody')
  const queued = await shell.run(['send', 'nobody', 'hi', '--timeout', '0.1', '--json', ...at])
  expect([queued.code, (JSON.parse(queued.out) as { state: string }).state]).toEqual([0, 'queued'])
  const waited = await shell.run(['send', 'nobody', 'hi', '--wait', 'stored', '--timeout', '0.1', '--json', ...at])
  expect([waited.code, (JSON.parse(waited.out) as { state: string }).state]).toEqual([6, 'queued'])
})

test('text comes from standard input when asked, without its last line end', async () => {
  const { shell, at } = profile('Bob')
  expect((await shell.run(['send', 'Bob', '--stdin', ...at], 'two\nlines\n')).code).toBe(0)
  expect(await shell.json('history', 'Bob', ...at)).toMatchObject([{ text: 'two\nlines' }])
  const both = await shell.run(['send', 'Bob', 'text', '--stdin', ...at], 'x')
  expect(both.code).toBe(1)
})

test('text that is not UTF-8 is refused, instead of being sent as something else', async () => {
  const { shell, at } = profile('Bob')
  const sending = shell.start(['send', 'Bob', '--stdin', ...at], null)
  sending.child.stdin?.end(Buffer.from('Gr\u00fc\u00dfe', 'latin1'))
  expect(await sending.ended).toMatchObject({ code: 1, out: '', err: expect.stringContaining('not UTF-8') as string })
})

test('a text that begins with a dash goes after --', async () => {
  const { shell, at } = profile('Bob')
  expect((await shell.run(['send', ...at, 'Bob', '--', '--json'])).code).toBe(0)
  expect(await shell.json('history', 'Bob', ...at)).toMatchObject([{ text: '--json' }])
})

test('what is not found ends 7, with the reason on stderr for programs too', async () => {
  const { shell, at } = profile()
  const { code, out, err } = await shell.run(['send', 'nemo', 'hi', '--json', ...at])
  expect({ code, out }).toEqual({ code: 7, out: '' })
  expect(JSON.parse(err)).toEqual({ type: 'error', reason: 'not-found', message: expect.any(String), exit: 7 })
  expect((await shell.run(['why', 'ab'.repeat(16), ...at])).code).toBe(7)
})

test('receive prints what came, once, and acknowledges it', async () => {
  const { shell, dir, at } = profile()
  arrives(dir, messageFrom('Bob', 'one'))
  arrives(dir, { type: 'gap', conversation: 'cd'.repeat(32), from: 'Bob', missing: 2 })
  const [message, gap] = await shell.json('receive', ...at)
  expect(message).toMatchObject({ type: 'message', from: 'Bob', text: 'one', id: 'ab'.repeat(16) })
  expect(gap).toMatchObject({ type: 'gap', missing: 2 })
  expect(await shell.json('receive', ...at)).toEqual([])
})

test('receive --max leaves the rest for the next', async () => {
  const { shell, dir, at } = profile()
  for (const text of ['one', 'two', 'three']) arrives(dir, messageFrom('Bob', text))
  expect(await shell.json('receive', '--max', '1', ...at)).toMatchObject([{ text: 'one' }])
  expect(await shell.json('receive', ...at)).toMatchObject([{ text: 'two' }, { text: 'three' }])
})

test('receive --follow prints what comes; a reader that has gone costs no message', async () => {
  const { shell, dir, at } = profile()
  const following = shell.start(['receive', '--follow', '--json', ...at])
  arrives(dir, messageFrom('Bob', 'one'))
  await following.says('"one"')
  following.child.stdout?.destroy()
  arrives(dir, messageFrom('Bob', 'two'))
  expect(await following.ended).toMatchObject({ code: 0, err: '' })
  expect(await shell.json('receive', ...at)).toMatchObject([{ text: 'two' }])
})

test('escape sequences of others do not reach the terminal; JSON keeps them, escaped', async () => {
  const { shell, dir, at } = profile()
  const evil = 'x\u001b[2J\u0007\u009by'
  arrives(dir, messageFrom(`Bob${evil}`, `hi${evil}`))
  const shown = await shell.run(['receive', '--max', '1', ...at])
  expect(shown.out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/u)
  const listed = await shell.run(['contacts', ...at])
  expect(listed.out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/u)
  const [contact] = await shell.json('contacts', ...at)
  expect(contact?.['name']).toBe(`Bob${evil}`)
})

test('the passphrase comes from a file or the environment, and a wrong one is refused', async () => {
  const shell = openShell(fakeMain)
  const file = join(shell.dir, 'pass')
  writeFileSync(file, 'open sesame\n')
  await shell.json('init', '--name', 'Alice', '--passphrase-file', file)
  expect((await shell.run(['id', '--passphrase-file', file])).code).toBe(0)
  expect((await shell.run(['id'], undefined, { LINNET_PASSPHRASE: 'open sesame' })).code).toBe(0)
  expect((await shell.run(['id'], undefined, { LINNET_PASSPHRASE: 'sesame' })).code).toBe(1)
  const without = await shell.run(['id'])
  expect(without.code).toBe(1)
  expect(without.err).toContain('--passphrase-file')
  const shown = await shell.run(['config', 'show'], undefined, { LINNET_PASSPHRASE: 'open sesame' })
  expect(shown.out).toContain('(set)')
  expect(shown.out).not.toContain('sesame')
})

test.each(['circuits', 'lan', 'upnp', 'presence'])(
  '--no-%s reaches the node, as a flag and as a variable',
  async (one) => {
    const { shell, dir, at } = profile()
    const told = async (flags: readonly string[], env: NodeJS.ProcessEnv): Promise<unknown> => {
      expect(await shell.run(['invite', ...at, ...flags], undefined, env)).toMatchObject({ code: 0 })
      return (JSON.parse(readFileSync(join(dir, 'fake.json'), 'utf8')) as Rows).switches
    }
    const all = { circuits: true, lan: true, upnp: true, presence: true }
    expect(await told([], {})).toEqual(all)
    expect(await told([`--no-${one}`], {})).toEqual({ ...all, [one]: false })
    expect(await told([], { [`LINNET_${one.toUpperCase()}`]: '0' })).toEqual({ ...all, [one]: false })
  },
)

test('config show says what is in force and where it came from', async () => {
  const shell = openShell(fakeMain)
  mkdirSync(join(shell.dir, '.config/linnet'), { recursive: true })
  writeFileSync(join(shell.dir, '.config/linnet/config.json'), '{"listen": "/ip4/0.0.0.0/tcp/9"}')
  const { out } = await shell.run(['config', 'show', '--json', '--profile', 'work'], undefined, { LINNET_VERBOSE: '1' })
  const values = linesOf(out).map((line) => JSON.parse(line) as { key: string; value: unknown; source: string })
  const of = (key: string): unknown => values.find((one) => one.key === key)
  expect(of('profile')).toEqual({ key: 'profile', value: 'work', source: 'flag' })
  expect(of('verbose')).toEqual({ key: 'verbose', value: 1, source: 'environment' })
  expect(of('listen')).toEqual({ key: 'listen', value: ['/ip4/0.0.0.0/tcp/9'], source: 'file' })
  expect(of('relay')).toEqual({ key: 'relay', value: null, source: 'default' })
  expect(of('directory')).toMatchObject({ value: join(shell.dir, '.local/share/linnet/profiles/work') })
})

test('config show says that a relay has a token, and not which', async () => {
  const shell = openShell(fakeMain)
  for (const format of [[], ['--json']]) {
    const { out, code } = await shell.run(['config', 'show', '--relay', '/dns4/a/tcp/1?token=secret', ...format])
    expect([code, out.includes('/dns4/a/tcp/1?token=(set)'), out.includes('secret')]).toEqual([0, true, false])
  }
})

test('the chat takes lines from a program and answers without a prompt or a colour', async () => {
  const { shell, at } = profile()
  const script = '/add linnet:Bob\nhello there\n//not a command\n/history\n/why\n/nonsense\n/quit\nnever said\n'
  const { code, out, err } = await shell.run(at, script, { FORCE_COLOR: '1' })
  expect(code).toBe(1) // One line could not be understood.
  expect(err).toContain('/nonsense: there is no /nonsense')
  expect(out).toContain('me: hello there')
  expect(out).toContain('me: /not a command')
  expect(out).not.toContain('\u001b')
  expect(out).toMatch(/kept for Bob by a relay/u)
  expect(JSON.stringify(readFileSync(join(shell.dir, 'p/fake.json'), 'utf8'))).not.toContain('never said')
})

test('at the end of input the chat stays until what was said is out', async () => {
  const { shell, at } = profile('Bob')
  expect((await shell.run(at, '/to Bob\nlast words')).code).toBe(0)
  expect(await shell.json('history', 'Bob', ...at)).toMatchObject([{ text: 'last words', state: 'stored' }])
})

test('a line goes nowhere when it is not plain to whom', async () => {
  const { shell, at } = profile('Bob', 'Carol')
  const { code, err } = await shell.run(at, 'hello?\n')
  expect(code).toBe(1)
  expect(err).toContain('to whom?')
})

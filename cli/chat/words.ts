/**
 * What can be said to the chat: `/word …` is the command of the same name in the shell, any other line goes to the current
 * contact. Decides what a line means and to whom it goes; nothing is sent to anybody who was not named or shown.
 */
import type { ContactView } from '../../node/index.ts'
import { usageError } from '../exit.ts'
import type { Profile } from '../profile.ts'
import { printable } from '../printable.ts'
import { showContact, showDiagnosis, showIdentity, showMessage, showSafetyNumber, showWhy } from '../show.ts'
import type { Screen } from './screen.ts'
import { promptFor } from './status-line.ts'

export interface Chat {
  readonly profile: Profile
  readonly screen: Screen
  /** Whom lines go to. */
  current: ContactView | undefined
  /** Who asked last to be let in. */
  asking: string | undefined
  /** Sent in this chat and not known to be anywhere else yet. */
  readonly pending: Set<string>
  /** Ids seen in this chat, newest last, so that `/why` takes the first digits. */
  readonly ids: string[]
}

interface Word {
  readonly usage: string
  readonly what: string
  /** What it returns ends the chat when it is `quit`. */
  run(chat: Chat, rest: string): Promise<'quit' | void>
}

const words: Readonly<Record<string, Word>> = {
  to: { usage: '/to NAME', what: 'talk to NAME from now on', run: to },
  add: { usage: '/add LINK [NAME]', what: 'add whoever made the link', run: add },
  invite: { usage: '/invite', what: 'a link that lets one person in', run: invite },
  contacts: { usage: '/contacts', what: 'the people you know', run: contacts },
  accept: { usage: '/accept [NAME]', what: 'let in who wrote first', run: accept },
  block: { usage: '/block NAME', what: 'refuse what NAME sends', run: block },
  verify: {
    usage: '/verify [same]',
    what: 'the digits to compare with the current contact; “same” when they are',
    run: verify,
  },
  rename: { usage: '/rename NEW-NAME', what: 'call the current contact something else', run: rename },
  history: { usage: '/history [COUNT]', what: 'what was said, oldest first', run: history },
  why: { usage: '/why [ID]', what: 'what became of a message; of the last one without ID', run: why },
  doctor: { usage: '/doctor', what: 'what is well with your way to others, and what is not', run: doctor },
  id: { usage: '/id', what: 'who you are and how you stand', run: id },
  help: { usage: '/help', what: 'this', run: async (chat) => chat.screen.tell(helpText()) },
  quit: { usage: '/quit', what: 'leave (also Ctrl-D)', run: async () => 'quit' },
}

function helpText(): string {
  const lines = Object.values(words).map(({ usage, what }) => `${usage.padEnd(18)} ${what}`)
  return [...lines, `${'//…'.padEnd(18)} says “/…” itself; any other line goes to the current contact`].join('\n')
}

export async function understand(chat: Chat, line: string): Promise<'quit' | void> {
  if (line.trim() === '') return
  if (!line.startsWith('/') || line.startsWith('//')) return say(chat, line.replace(/^\/\//u, '/'))
  const [, name = '', rest = ''] = /^\/(\S*)\s*([\s\S]*)$/u.exec(line) ?? []
  const word = Object.hasOwn(words, name) ? words[name] : undefined
  if (word === undefined) throw usageError(`there is no /${printable(name)}; /help lists what there is`)
  return word.run(chat, rest.trim())
}

/** The only contact there is needs no naming. */
export async function chooseCurrent(chat: Chat): Promise<void> {
  const all = (await chat.profile.call('contacts', {})).filter((one) => one.state === 'added' || one.state === 'adding')
  const [only] = all
  if (chat.current !== undefined || only === undefined || all.length > 1) return
  setCurrent(chat, only)
}

export function remember(chat: Chat, messageId: string): void {
  chat.ids.push(messageId)
  if (chat.ids.length > 1_000) chat.ids.shift()
}

async function say(chat: Chat, text: string): Promise<void> {
  if (chat.current === undefined) await chooseCurrent(chat)
  if (chat.current === undefined) throw usageError('to whom? /to NAME chooses, /contacts lists, /add LINK adds')
  // By account: a name may have changed hands in another process since it was chosen here.
  const sent = await chat.profile.call('send', { who: chat.current.account, text })
  chat.pending.add(sent.id)
  remember(chat, sent.id)
}

async function to(chat: Chat, name: string): Promise<void> {
  if (name === '') throw usageError('/to NAME: who?')
  setCurrent(chat, await contactCalled(chat, name))
}

function setCurrent(chat: Chat, contact: ContactView): void {
  chat.current = contact
  const name = printable(contact.name)
  chat.screen.prompt(promptFor(contact))
  chat.screen.tell(`What you say now goes to ${name}.`)
}

async function contactCalled(chat: Chat, name: string): Promise<ContactView> {
  const found = (await chat.profile.call('contacts', {})).find((one) => one.name === name || one.account === name)
  if (found === undefined) throw usageError(`there is no contact “${printable(name)}”; /contacts lists them`)
  return found
}

async function add(chat: Chat, rest: string): Promise<void> {
  const [, link = '', as = ''] = /^(\S*)\s*(.*)$/u.exec(rest) ?? []
  if (link === '') throw usageError('/add LINK: paste the link you were given')
  const contact = await chat.profile.call('add', as === '' ? { link } : { link, as })
  await chat.screen.show(contact, showContact(contact))
  setCurrent(chat, contact)
}

async function invite(chat: Chat): Promise<void> {
  const made = await chat.profile.call('invite', {})
  await chat.screen.show(made, made.link)
}

async function contacts(chat: Chat): Promise<void> {
  const all = await chat.profile.call('contacts', {})
  for (const one of all) await chat.screen.show(one, showContact(one))
  if (all.length === 0) chat.screen.tell('Nobody yet. /invite makes a link to give away, /add LINK takes one.')
}

async function accept(chat: Chat, name: string): Promise<void> {
  const who = name === '' ? chat.asking : name
  if (who === undefined) throw usageError('nobody has asked; /contacts lists whom you know')
  const contact = await chat.profile.call('accept', { who })
  await chat.screen.show(contact, showContact(contact))
  if (chat.current === undefined) setCurrent(chat, contact)
}

async function block(chat: Chat, who: string): Promise<void> {
  if (who === '') throw usageError('/block NAME: whom?')
  const contact = await chat.profile.call('block', { who })
  await chat.screen.show(contact, showContact(contact))
  if (chat.current?.account !== contact.account) return
  chat.current = undefined
  chat.screen.prompt(undefined)
}

async function verify(chat: Chat, rest: string): Promise<void> {
  if (chat.current === undefined) throw usageError('with whom? /to NAME first')
  const who = chat.current.account
  if (rest === 'same') {
    const contact = await chat.profile.call('verify', { who })
    return chat.screen.show(contact, showContact(contact))
  }
  for (const number of await chat.profile.call('safety-numbers', { who })) {
    await chat.screen.show(number, showSafetyNumber(number))
  }
}

async function rename(chat: Chat, name: string): Promise<void> {
  if (chat.current === undefined || name === '') throw usageError('/to NAME first, then /rename NEW-NAME')
  const contact = await chat.profile.call('rename', { who: chat.current.account, name })
  await chat.screen.show(contact, showContact(contact))
  setCurrent(chat, contact)
}

async function history(chat: Chat, rest: string): Promise<void> {
  if (chat.current === undefined) await chooseCurrent(chat)
  if (chat.current === undefined) throw usageError('with whom? /to NAME first')
  const limit = rest === '' ? 20 : Number(rest)
  const said = await chat.profile.call('history', { who: chat.current.account, limit })
  for (const one of said) {
    remember(chat, one.id)
    await chat.screen.show(one, showMessage(one))
  }
}

async function why(chat: Chat, start: string): Promise<void> {
  const found = chat.ids.findLast((one) => one.startsWith(start)) ?? start
  if (found === '') throw usageError('/why ID: of which message? None was sent or shown in this chat yet')
  const told = await chat.profile.call('why', { id: found })
  await chat.screen.show(told, showWhy(told))
}

async function doctor(chat: Chat): Promise<void> {
  const found = await chat.profile.call('doctor', {})
  await chat.screen.show(found, showDiagnosis(found))
}

async function id(chat: Chat): Promise<void> {
  const identity = await chat.profile.call('id', {})
  await chat.screen.show(identity, showIdentity(identity))
}

/**
 * What stands beside the prompt: whom a line goes to, by which way it would go now, and whether they are typing. Looks at it
 * every other second, and tells the other side, now and then, that something is being typed here.
 */
import type { ContactView } from '../../node/index.ts'
import { printable } from '../printable.ts'
import type { Chat } from './words.ts'

const lookEveryMs = 2_000
const typingEveryMs = 3_000

/** Until `until`; a failure to look is no failure of the chat. */
export function keepStatusLine(chat: Chat, until: AbortSignal): void {
  if (!chat.screen.interactive) return
  const look = (): void => void refresh(chat).catch(() => undefined)
  const timer = setInterval(look, lookEveryMs).unref()
  let toldMs = 0
  const typed = (): void => {
    if (chat.current === undefined || Date.now() - toldMs < typingEveryMs || !chat.screen.isSaying()) return
    toldMs = Date.now()
    void chat.profile.call('typing', { who: chat.current.account }).catch(() => undefined)
  }
  process.stdin.on('keypress', typed)
  until.addEventListener('abort', () => {
    clearInterval(timer)
    process.stdin.off('keypress', typed)
  })
}

async function refresh(chat: Chat): Promise<void> {
  const current = chat.current
  if (current === undefined) return
  const found = (await chat.profile.call('contacts', {})).find(({ account }) => account === current.account)
  if (found !== undefined && chat.current?.account === found.account) chat.screen.prompt(promptFor(found))
}

export function promptFor(contact: ContactView): string {
  const way = contact.link?.kind ?? (contact.online ? 'here' : undefined)
  const marks = [...(way === undefined ? [] : [way]), ...(contact.typing === true ? ['typing…'] : [])]
  return marks.length === 0 ? printable(contact.name) : `${printable(contact.name)} (${marks.join(', ')})`
}

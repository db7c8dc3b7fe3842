/** What people may be called. A name comes from a stranger and goes to a terminal, and what is shown is what is typed. */
import { nameCharactersMax } from '../../protocol/limits.ts'

/** Of a contact, what is told of a name that is none. */
export const badName: string = `a name is 1 to ${nameCharactersMax} characters, without line breaks or control characters, and not "me"`

/** No control characters, no invisible marks, no padding; and not what our own messages are shown under. */
export function isName(name: string): boolean {
  return name !== '' && name === cleanName(name) && name !== 'me'
}

/** What is left of a name somebody gave themselves; may be empty. Characters are Unicode's, so that none is cut in two. */
export function cleanName(name: string): string {
  const shown = name
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '')
    .replace(/\s+/gu, ' ')
    .trim()
  return firstOf(shown, nameCharactersMax)
}

/** With a number behind it, where it is not the first of that name. */
export function numberedName(name: string, n: number): string {
  return n === 1 ? name : `${firstOf(name, nameCharactersMax - 5)}-${n}`
}

function firstOf(text: string, count: number): string {
  return [...text].slice(0, count).join('').trim()
}

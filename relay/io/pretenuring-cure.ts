/**
 * A cure for how V8 guesses where objects will be wanted. Of each place in the code that makes lists it watches the first
 * hundred, and when nearly all of them live on, has all later ones made among the old objects at once. In a relay the
 * first hundred are those of connections that come and stay; the later ones are of messages that pass. A list among the old
 * objects lives until the next full collection, and so does all that is in it: of each message some 500 bytes, until
 * a young collection took 5 ms instead of one, and a full one came every few seconds.
 *
 * Decided for the whole process, workers included, before the first connections come. To be dropped when V8 takes such a guess back.
 */
import { setFlagsFromString } from 'node:v8'

export function curePretenuring(): void {
  setFlagsFromString('--no-allocation-site-pretenuring')
}

import type { Verb } from '../verb.ts';
import { abort } from './abort.ts';
import { doctor } from './doctor.ts';
import { explain } from './explain.ts';
import { history } from './history.ts';
import { hold } from './hold.ts';
import { pause, resume } from './pause.ts';
import { pin } from './pin.ts';
import { status } from './status.ts';
import { top } from './top.ts';

/** In the order of the help. A new verb is a file beside these and a line here. */
export const verbs: readonly Verb[] = [status, top, explain, history, pause, resume, hold, pin, abort, doctor];

// A lock on a folder: a file that names its owner, so that two processes do not write there at once, and a dead one does not
// keep it.

import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync, unlinkSync } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { readWholeFile } from './files.js';

/** Who holds a lock. What the system does not tell is left out. */
export interface Owner {
  readonly host: string;
  readonly pid: number;
  /** When the process began, in the system's own count: another process of the same number began at another time. */
  readonly start?: string;
  /** The start of the system, and the numbering of processes that `pid` is one of. */
  readonly boot?: string;
  readonly pids?: string;
  /** When the lock was taken, as ISO 8601. */
  readonly since: string;
  /** Of this lock alone. */
  readonly id: string;
}

/** Somebody else holds the lock. */
export interface Held {
  /** Undefined while the file is being written, or where it holds something else. */
  readonly owner: Owner | undefined;
  /** Seconds since the owner last showed that it lives. */
  readonly age: number;
  /** `process 123 on host for 5 minutes`. */
  readonly words: string;
}

/** Milliseconds between two signs of life, and without one until an owner that cannot be asked is taken for dead. */
const beat = 15_000;
const patience = 120_000;
/** A lock is written at once after it is made, so this old and unreadable it is what a crash left. */
const unwritten = 10_000;

export class Lock {
  readonly #beating: NodeJS.Timeout;
  readonly #unlink = (): void => {
    try {
      if (parse(readFileSync(this.path, 'utf8'))?.id === this.owner.id) unlinkSync(this.path);
    } catch {
      // gone already
    }
  };

  private constructor(
    readonly path: string,
    private readonly owner: Owner,
    /** What was found and taken over, in words; undefined where the lock was free. */
    readonly takenOver: string | undefined,
  ) {
    process.on('exit', this.#unlink);
    this.#beating = setInterval(() => void this.#refresh().catch(() => undefined), beat).unref();
  }

  /**
   * Takes the lock that is the file at `path`, in a folder that is there; or tells who holds it. One that a process left which
   * is gone is taken over.
   */
  static async take(path: string): Promise<Lock | Held> {
    const mine = thisProcess();
    for (let tries = 0; ; tries++) {
      if (await write(path, mine, 'wx')) return new Lock(path, mine, undefined);
      const held = await look(path);
      if (held === undefined) continue; // released meanwhile
      if (held.owner === undefined && tries < 20) {
        await setTimeout(50); // it is about to be written
        continue;
      }
      if (!(await isDead(held))) return held;
      if (await replace(path, held, mine)) return new Lock(path, mine, held.words);
    }
  }

  /**
   * Shows that the owner lives, and finds out whether it still is the owner: `remade` where the file was gone, `lost` where
   * another process has taken it, which found no sign of life here. The folder must be there.
   */
  async check(): Promise<'kept' | 'remade' | 'lost'> {
    const state = await this.#refresh();
    if (state !== 'gone') return state;
    return (await write(this.path, this.owner, 'wx')) ? 'remade' : this.check();
  }

  async #refresh(): Promise<'kept' | 'gone' | 'lost'> {
    try {
      if (parse((await readWholeFile(this.path)).toString('utf8'))?.id !== this.owner.id) return 'lost';
      // By its content, so that a disk of another machine sets the time by its own clock.
      await write(this.path, this.owner, 'r+');
      return 'kept';
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone';
      throw error;
    }
  }

  /** Gives it up; a process that ends does so by itself. */
  release(): void {
    clearInterval(this.#beating);
    process.off('exit', this.#unlink);
    this.#unlink();
  }
}

function thisProcess(): Owner {
  const start = startOf(process.pid);
  const boot = bootId();
  const pids = pidNamespace();
  return {
    host: hostname(),
    pid: process.pid,
    ...(start !== undefined && { start }),
    ...(boot !== undefined && { boot }),
    ...(pids !== undefined && { pids }),
    since: new Date().toISOString(),
    id: randomUUID(),
  };
}

/** Undefined where it cannot be read, as on systems without /proc. */
function attempt(read: () => string | undefined): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Field 22 of /proc/<pid>/stat; the second one is a name in parentheses, which may hold anything. None for the dead. */
const startOf = (pid: number): string | undefined =>
  attempt(() => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return /[ZX]/.test(fields[0] ?? '') ? undefined : fields[19];
  });
const bootId = (): string | undefined => attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
const pidNamespace = (): string | undefined => attempt(() => readlinkSync('/proc/self/ns/pid'));

/** Whether the owner is gone for sure, or has shown no life for so long that it is taken for dead. */
async function isDead({ owner, age }: Held): Promise<boolean> {
  if (owner === undefined) return 1000 * age > unwritten;
  if (owner.host !== hostname()) return 1000 * age > patience;
  if (owner.boot !== bootId()) return true; // it was started again since
  // Two containers of one name have numbers of their own.
  if (owner.pids !== pidNamespace()) return 1000 * age > patience;
  return !isAlive(owner);
}

function isAlive({ pid, start }: Owner): boolean {
  const now = startOf(pid);
  if (start !== undefined) return now === start;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Writes the file in one go; false where `flag` is `wx` and there is one already. */
async function write(path: string, owner: Owner, flag: 'wx' | 'r+'): Promise<boolean> {
  const file = await open(path, flag).catch((error: NodeJS.ErrnoException) => {
    if (flag === 'wx' && error.code === 'EEXIST') return undefined;
    throw error;
  });
  if (file === undefined) return false;
  try {
    await file.write(`${JSON.stringify(owner)}\n`, 0);
  } catch (error) {
    if (flag === 'wx') await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  return true;
}

/** Who holds the lock; undefined where nobody does. */
async function look(path: string): Promise<Held | undefined> {
  try {
    const [{ mtimeMs, size }, now] = [await stat(path), await timeOf(path)];
    const owner = size > 10_000 ? undefined : parse((await readWholeFile(path)).toString('utf8'));
    const age = Math.max(0, now - mtimeMs) / 1000;
    return { owner, age, words: wordsOf(owner, age, now) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** What the disk has for the time, in milliseconds: the clock of a server may be another one than ours. */
async function timeOf(path: string): Promise<number> {
  const trial = `${path}.${randomUUID()}.tmp`;
  try {
    await (await open(trial, 'wx')).close();
    return (await stat(trial)).mtimeMs;
  } finally {
    await rm(trial, { force: true });
  }
}

function wordsOf(owner: Owner | undefined, age: number, now: number): string {
  if (owner === undefined) return `somebody who has put down no name for ${duration(age)}`;
  const { pid, since } = owner;
  const host = owner.host.slice(0, 64).replace(/[^\w.-]/g, '?');
  const { since: _since, id: _id, ...me } = thisProcess();
  const own = Object.entries(me).every(([name, value]) => owner[name as keyof typeof me] === value);
  const who = own ? 'this process' : `process ${pid} on ${host}`;
  const held = (now - Date.parse(since)) / 1000;
  return `${who} for ${duration(held)}${age > 60 ? `, last seen ${duration(age)} ago` : ''}`;
}

function duration(seconds: number): string {
  const [value, unit] =
    seconds < 90
      ? [seconds, 'second']
      : seconds < 5400
        ? [seconds / 60, 'minute']
        : seconds < 129_600
          ? [seconds / 3600, 'hour']
          : [seconds / 86_400, 'day'];
  const whole = Math.max(0, Math.round(value));
  return `${whole} ${unit}${whole === 1 ? '' : 's'}`;
}

function parse(text: string): Owner | undefined {
  try {
    const { host, pid, since, id, start, boot, pids } = JSON.parse(text) as Partial<Owner>;
    if (typeof host !== 'string' || !Number.isSafeInteger(pid) || typeof id !== 'string') return undefined;
    if (typeof since !== 'string' || Number.isNaN(Date.parse(since))) return undefined;
    const known = Object.entries({ start, boot, pids }).filter(([, value]) => typeof value === 'string');
    return { host, pid: pid as number, since, id, ...Object.fromEntries(known) };
  } catch {
    return undefined;
  }
}

/**
 * Puts our name in the place of a dead owner's. Only who holds a second file may, which is held for a moment: else two that found
 * the same dead owner would remove each other's lock. False where it is another's by now, or being taken over by another.
 */
async function replace(path: string, dead: Held, mine: Owner): Promise<boolean> {
  const guard = `${path}.takeover`;
  if (!(await write(guard, mine, 'wx'))) {
    const left = await look(guard);
    if (left !== undefined && 1000 * left.age > unwritten) await rm(guard, { force: true });
    await setTimeout(50);
    return false;
  }
  const temporary = `${path}.${mine.id}.tmp`;
  try {
    const now = await look(path);
    if (now === undefined || now.owner?.id !== dead.owner?.id || !(await isDead(now))) return false;
    await write(temporary, mine, 'wx');
    await rename(temporary, path);
    return true;
  } finally {
    await rm(temporary, { force: true });
    await rm(guard, { force: true });
  }
}

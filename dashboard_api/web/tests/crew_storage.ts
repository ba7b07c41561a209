/** A browser's storage as it may be: writes that are refused or broken off in the middle, and locks over all windows. */

type Put = (this: IDBObjectStore, ...given: unknown[]) => IDBRequest<IDBValidKey>;

/** From now on each write may find the disk full, or its whole transaction ended as a phone that loses its power ends it. */
export function breakWrites(chance: () => number): () => void {
  const real = Reflect.get(IDBObjectStore.prototype, "put") as Put;
  IDBObjectStore.prototype.put = function (this: IDBObjectStore, ...given: unknown[]) {
    const luck = chance();
    if (luck < 0.2) throw new DOMException("full", "QuotaExceededError");
    const request = real.apply(this, given);
    if (luck < 0.35) this.transaction.abort();
    return request;
  };
  return () => {
    IDBObjectStore.prototype.put = real;
  };
}

/** `navigator.locks` as far as the outbox asks: one holder, the others are told that there is none to have. */
export function fakeLocks(): { request: unknown } {
  const held = new Set<string>();
  return {
    request: async (name: string, _options: unknown, work: (lock: object | null) => unknown): Promise<unknown> => {
      await Promise.resolve();
      if (held.has(name)) return work(null);
      held.add(name);
      try {
        return await work({ name });
      } finally {
        held.delete(name);
      }
    },
  };
}

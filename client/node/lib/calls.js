/** The calls of a client: what ends them, and what is wrong when they fail. */
import { status } from '@grpc/grpc-js';
import { clientClosed, fromService } from './errors.js';
import { validated } from './validation.js';

/** @typedef {import('@grpc/grpc-js').ServiceError} ServiceError */
/** @typedef {{ deadline: number, signal?: AbortSignal }} Limits When a call ends, and what else ends it. */

/** Calls over one connection. */
export class Calls {
  #target;
  #connection;
  #isClosed = false;
  /** @type {Set<{ cancel(): void }>} */
  #running = new Set();

  /**
   * @param {string} target for errors
   * @param {ReturnType<typeof import('./connection.js').connect>} connection
   */
  constructor(target, connection) {
    this.#target = target;
    this.#connection = connection;
  }

  /** Ends the connection, and with it the calls under way. */
  close() {
    this.#isClosed = true;
    for (const call of this.#running) call.cancel(); // The channel would wait for them.
    this.#connection.close();
  }

  /**
   * @param {string} service
   * @param {string} method
   * @param {object} request
   * @param {Limits} limits
   * @returns {Promise<any>}
   */
  call(service, method, request, { deadline, signal }) {
    return new Promise((resolve, reject) => {
      const checked = validated('call', service, method, request);
      signal?.throwIfAborted();
      const { [service]: stub, metadata } = this.#open();
      /** @type {(error: ServiceError | null, reply?: any) => void} */
      const done = (error, reply) => {
        end();
        if (!error) resolve(reply);
        else reject(this.#reason(error, signal));
      };
      const end = this.#begin(stub[method](checked, metadata, { deadline }, done), signal);
    });
  }

  /**
   * @param {string} service
   * @param {string} method
   * @param {object} request
   * @param {Limits} limits
   * @returns {AsyncGenerator<any, void>}
   */
  async *stream(service, method, request, { deadline, signal }) {
    const checked = validated('stream', service, method, request);
    signal?.throwIfAborted();
    const { [service]: stub, metadata } = this.#open();
    const replies = stub[method](checked, metadata, { deadline });
    const end = this.#begin(replies, signal);
    try {
      yield* replies;
    } catch (error) {
      throw this.#reason(/** @type {ServiceError} */ (error), signal);
    } finally {
      end();
      replies.on('error', () => {}); // A cancelled call ends with one that nobody waits for any more.
      replies.cancel();
    }
  }

  /**
   * From now on the signal, and close(), end the call.
   * @param {{ cancel(): void }} call
   * @param {AbortSignal} [signal]
   * @returns {() => void} what to do when it has ended
   */
  #begin(call, signal) {
    const cancel = () => call.cancel();
    signal?.addEventListener('abort', cancel);
    this.#running.add(call);
    return () => {
      signal?.removeEventListener('abort', cancel);
      this.#running.delete(call);
    };
  }

  /**
   * Why a call has failed.
   * @param {ServiceError} error
   * @param {AbortSignal} [signal]
   */
  #reason(error, signal) {
    if (signal?.aborted) return signal.reason;
    return this.#isClosed && error.code === status.CANCELLED ? clientClosed() : fromService(error, this.#target);
  }

  /** @returns {any} the connection, which has not been closed */
  #open() {
    if (!this.#isClosed) return this.#connection;
    throw clientClosed();
  }
}

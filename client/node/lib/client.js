/** The client: promises for what comes at once, async iterables for what comes bit by bit. */
import { connect, DEFAULT_TARGET, fromEnvironment } from './connection.js';
import { fromService } from './errors.js';
import { Picture } from './picture.js';
import * as requests from './requests.js';
import { validated } from './validation.js';

/** @typedef {import('../generated/pixelzoo/v1/Progress.js').Progress__Output} Progress */
/** @typedef {import('../generated/pixelzoo/v1/ImageScore.js').ImageScore__Output} ImageScore */
/** @typedef {import('../generated/pixelzoo/v1/Model.js').Model__Output} Model */
/** @typedef {import('@grpc/grpc-js').ServiceError} ServiceError */

/**
 * How long a call may take, and how to end it early.
 * @typedef {object} CallOptions
 * @property {number} [timeout] milliseconds for the whole call; the server stops its work when they have passed.
 * @property {AbortSignal} [signal] ends the call, and the server's work on it.
 */

/**
 * What a stream tells. `steps` are summed over all pictures of the request.
 * @typedef {{ kind: 'progress' } & Progress
 *   | { kind: 'preview', picture: Picture, step: number, steps: number }
 *   | { kind: 'picture', picture: Picture }} StreamEvent
 */

/**
 * A connection to a pixelzoo server. One is enough for a program: calls share it.
 *
 * Every call rejects with a `ZooError` if it fails, or with the reason of its signal if that ended it.
 */
export class Client {
  #connection;
  #timeout;

  /**
   * @param {string} [target] "host:port"
   * @param {import('./connection.js').ConnectionOptions & { timeout?: number }} [options] `timeout`: milliseconds that
   *   a call may take if it does not say otherwise, 10 minutes by default.
   */
  constructor(target = DEFAULT_TARGET, { timeout = 600_000, ...options } = {}) {
    this.target = target;
    this.#timeout = timeout;
    this.#connection = connect(target, options);
  }

  /** A client for the server that PIXELZOO_TARGET, PIXELZOO_TLS_CA and PIXELZOO_TOKEN name. */
  static fromEnv() {
    const { target, options } = fromEnvironment();
    return new Client(target, options);
  }

  /** Ends the connection; a program that has not closed its client goes on. */
  close() {
    this.#connection.close();
  }

  /**
   * The models of the server, with their cards: classes, options and their ranges.
   * @param {CallOptions} [call]
   * @returns {Promise<Model[]>}
   */
  async models(call) {
    const models = [];
    let pageToken = '';
    do {
      const page = await this.call('catalog', 'listModels', { pageToken }, call);
      models.push(...(page.models ?? []));
      pageToken = page.nextPageToken;
    } while (pageToken);
    return models;
  }

  /**
   * New pictures.
   * @param {string} model "name", "name@3" (a version) or "name@stable" (a version's label)
   * @param {requests.SampleArguments} [wanted]
   * @param {CallOptions} [call]
   * @returns {Promise<Picture[]>}
   */
  async sample(model, wanted = {}, call) {
    const reply = await this.call('sampling', 'sample', requests.sample(model, wanted), call);
    return reply.images.map(toPicture);
  }

  /**
   * New pictures, with progress on the way. Leaving the loop ends the call, and the server's work on it.
   * @param {string} model
   * @param {requests.SampleArguments & { previewInterval?: number }} [wanted] `previewInterval`: a preview of every
   *   picture each time it has done so many steps.
   * @param {CallOptions} [call]
   * @returns {AsyncGenerator<StreamEvent, void>}
   */
  async *streamSample(model, { previewInterval, ...wanted } = {}, call) {
    const request = { sample: requests.sample(model, wanted), previewInterval };
    for await (const reply of this.stream('sampling', 'streamSample', request, call)) yield* toEvents(reply);
  }

  /**
   * Pictures from pictures: another domain, a larger size, a variation.
   * @param {string} model
   * @param {requests.Given | requests.Given[]} pictures
   * @param {requests.TranslateArguments} [wanted]
   * @param {CallOptions} [call]
   * @returns {Promise<Picture[]>}
   */
  async translate(model, pictures, wanted = {}, call) {
    const request = requests.translate(model, pictures, wanted);
    const reply = await this.call('translation', 'translate', request, call);
    return reply.images.map(toPicture);
  }

  /**
   * Pictures from pictures, with progress on the way.
   * @param {string} model
   * @param {requests.Given | requests.Given[]} pictures
   * @param {requests.TranslateArguments & { previewInterval?: number }} [wanted]
   * @param {CallOptions} [call]
   * @returns {AsyncGenerator<StreamEvent, void>}
   */
  async *streamTranslate(model, pictures, { previewInterval, ...wanted } = {}, call) {
    const request = { translate: requests.translate(model, pictures, wanted), previewInterval };
    for await (const reply of this.stream('translation', 'streamTranslate', request, call)) yield* toEvents(reply);
  }

  /**
   * How likely, or how good, a model holds pictures to be. Each value says its kind and unit.
   * @param {string} model
   * @param {requests.Given | requests.Given[]} pictures
   * @param {requests.ScoreArguments} [wanted]
   * @param {CallOptions} [call]
   * @returns {Promise<ImageScore[]>}
   */
  async score(model, pictures, wanted = {}, call) {
    const request = requests.score(model, pictures, wanted);
    const reply = await this.call('scoring', 'score', request, call);
    return reply.scores ?? [];
  }

  /**
   * Calls a method that this class has none for: `call('latent', 'decode', request)`. Requests and replies are the
   * messages of the protos, with names in camelCase. A request that its proto does not allow is not sent.
   * @param {'catalog' | 'sampling' | 'translation' | 'scoring' | 'latent'} service
   * @param {string} method
   * @param {object} request
   * @param {CallOptions} [options]
   * @returns {Promise<any>}
   */
  call(service, method, request, { timeout = this.#timeout, signal } = {}) {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const { [service]: stub, metadata } = /** @type {any} */ (this.#connection);
      const options = { deadline: Date.now() + timeout };
      /** @type {(error: ServiceError | null, reply?: any) => void} */
      const done = (error, reply) => {
        signal?.removeEventListener('abort', cancel);
        if (!error) resolve(reply);
        else reject(signal?.aborted ? signal.reason : fromService(error, this.target));
      };
      const running = stub[method](validated(service, method, request), metadata, options, done);
      const cancel = () => running.cancel();
      signal?.addEventListener('abort', cancel);
    });
  }

  /**
   * Calls a streaming method, like `call`. Leaving the loop ends the call, and the server's work on it.
   * @param {'sampling' | 'translation' | 'scoring'} service
   * @param {string} method
   * @param {object} request
   * @param {CallOptions} [options]
   * @returns {AsyncGenerator<any, void>}
   */
  async *stream(service, method, request, { timeout = this.#timeout, signal } = {}) {
    signal?.throwIfAborted();
    const { [service]: stub, metadata } = /** @type {any} */ (this.#connection);
    const replies = stub[method](validated(service, method, request), metadata, { deadline: Date.now() + timeout });
    const cancel = () => replies.cancel();
    signal?.addEventListener('abort', cancel);
    try {
      yield* replies;
    } catch (error) {
      throw signal?.aborted ? signal.reason : fromService(/** @type {ServiceError} */ (error), this.target);
    } finally {
      signal?.removeEventListener('abort', cancel);
      replies.on('error', () => {}); // A cancelled call ends with one that nobody waits for any more.
      cancel();
    }
  }
}

/**
 * @param {any} reply of a stream
 * @returns {Generator<StreamEvent, void>}
 */
function* toEvents({ event, progress, preview, image }) {
  if (event === 'progress') yield { kind: 'progress', ...progress };
  if (event === 'preview') {
    yield { kind: 'preview', picture: toPicture(preview), step: preview.step, steps: preview.steps };
  }
  if (event === 'image') yield { kind: 'picture', picture: toPicture(image) };
}

/** @param {any} item */
function toPicture({ image, index, recipe }) {
  return new Picture(image, { index, recipe });
}

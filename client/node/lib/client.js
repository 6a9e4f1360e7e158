/** The client: promises for what comes at once, async iterables for what comes bit by bit. */
import { Calls } from './calls.js';
import { connect, DEFAULT_TARGET } from './connection.js';
import { fromEnvironment } from './environment.js';
import { isAvailable, isName, labelOf } from './labels.js';
import { Picture } from './picture.js';
import * as requests from './requests.js';
import { abortSignal, milliseconds, settings } from './settings.js';

/** @typedef {import('../generated/pixelzoo/v1/Progress.js').Progress__Output} Progress */
/** @typedef {import('../generated/pixelzoo/v1/ImageScore.js').ImageScore__Output} ImageScore */
/** @typedef {import('../generated/pixelzoo/v1/Model.js').Model__Output} Model */
/** @typedef {import('./calls.js').Limits} Limits */

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
  #calls;
  #timeout;
  /** @type {Map<string, Model>} */
  #described = new Map();

  /**
   * @param {string} [target] "host:port"
   * @param {import('./connection.js').ConnectionOptions & { timeout?: number }} [options] `timeout`: milliseconds that
   *   a call may take if it does not say otherwise, 10 minutes by default.
   * @throws {import('./errors.js').ZooError} INVALID_SETTING for an option that cannot be, INSECURE_TOKEN
   */
  constructor(target = DEFAULT_TARGET, options = {}) {
    /** @type {typeof options} */
    const { timeout = 600_000, ...connection } = settings(options, ['tls', 'token', 'timeout'], 'options');
    this.target = target;
    this.#timeout = milliseconds(timeout);
    this.#calls = new Calls(target, connect(target, connection));
  }

  /**
   * A client for the server that the environment names; a variable that is empty counts as not set.
   *
   * - PIXELZOO_TARGET: "host:port", localhost:50051 if it is not set.
   * - PIXELZOO_TLS_CA: a PEM file of the authorities to trust, or the word "system" for those that Node trusts: its
   *   own, and those of the file NODE_EXTRA_CA_CERTS. The connection is encrypted if it is set.
   * - PIXELZOO_TLS_SERVER_NAME: the name in the server's certificate, where the address is another.
   * - PIXELZOO_TLS_CLIENT_CERTIFICATE, PIXELZOO_TLS_CLIENT_KEY: PEM files of the client's own certificate, for servers
   *   that ask for one.
   * - PIXELZOO_TOKEN: the token to send with every call.
   *
   * @throws {import('./errors.js').ZooError} INVALID_SETTING, which names the variable, or as of the constructor
   */
  static fromEnv() {
    const { target, options } = fromEnvironment();
    return new Client(target, options);
  }

  /**
   * Ends the connection, and with it every call under way, CLIENT_CLOSED; a program that has not closed its client
   * goes on.
   */
  close() {
    this.#calls.close();
  }

  /**
   * The models of the server, with their cards: classes, options and their ranges.
   * @param {CallOptions} [call]
   * @returns {Promise<Model[]>}
   */
  async models(call) {
    const limits = this.#limits(call);
    const models = [];
    let pageToken = '';
    do {
      const page = await this.#calls.call('catalog', 'listModels', { pageToken }, limits);
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
  async sample(model, wanted, call) {
    const limits = this.#limits(call);
    const request = requests.sample(model, await this.#labelled(model, wanted, limits));
    const reply = await this.#calls.call('sampling', 'sample', request, limits);
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
  async *streamSample(model, wanted, call) {
    const limits = this.#limits(call);
    const { previewInterval, ...asked } = await this.#labelled(model, wanted, limits);
    const request = { sample: requests.sample(model, asked, 'sample.'), previewInterval };
    const replies = this.#calls.stream('sampling', 'streamSample', request, limits);
    for await (const reply of replies) yield* toEvents(reply);
  }

  /**
   * Pictures from pictures: another domain, a larger size, a variation.
   * @param {string} model
   * @param {requests.Given | requests.Given[]} pictures
   * @param {requests.TranslateArguments} [wanted]
   * @param {CallOptions} [call]
   * @returns {Promise<Picture[]>}
   */
  async translate(model, pictures, wanted, call) {
    const limits = this.#limits(call);
    const request = requests.translate(model, pictures, await this.#labelled(model, wanted, limits));
    const reply = await this.#calls.call('translation', 'translate', request, limits);
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
  async *streamTranslate(model, pictures, wanted, call) {
    const limits = this.#limits(call);
    const { previewInterval, ...asked } = await this.#labelled(model, wanted, limits);
    const request = { translate: requests.translate(model, pictures, asked, 'translate.'), previewInterval };
    const replies = this.#calls.stream('translation', 'streamTranslate', request, limits);
    for await (const reply of replies) yield* toEvents(reply);
  }

  /**
   * How likely, or how good, a model holds pictures to be. Each value says its kind and unit.
   * @param {string} model
   * @param {requests.Given | requests.Given[]} pictures
   * @param {requests.ScoreArguments} [wanted]
   * @param {CallOptions} [call]
   * @returns {Promise<ImageScore[]>}
   */
  async score(model, pictures, wanted, call) {
    const limits = this.#limits(call);
    const request = requests.score(model, pictures, await this.#labelled(model, wanted, limits));
    const reply = await this.#calls.call('scoring', 'score', request, limits);
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
  async call(service, method, request, options) {
    return this.#calls.call(service, method, request, this.#limits(options));
  }

  /**
   * Calls a streaming method, like `call`. Leaving the loop ends the call, and the server's work on it.
   * @param {'sampling' | 'translation' | 'scoring'} service
   * @param {string} method
   * @param {object} request
   * @param {CallOptions} [options]
   * @returns {AsyncGenerator<any, void>}
   */
  async *stream(service, method, request, options) {
    yield* this.#calls.stream(service, method, request, this.#limits(options));
  }

  /**
   * How long all that a call needs may take, its model's card among it.
   * @param {CallOptions} [call]
   * @returns {Limits}
   */
  #limits(call) {
    /** @type {CallOptions} */
    const { timeout, signal } = settings(call, ['timeout', 'signal'], 'call options');
    return { deadline: Date.now() + milliseconds(timeout ?? this.#timeout), signal: abortSignal(signal) };
  }

  /**
   * What is wanted, with the numbers of classes for their names. A card is fetched when a name first asks for it.
   * @template {requests.Common} Wanted
   * @param {string} model
   * @param {Wanted | undefined} wanted
   * @param {Limits} limits
   * @returns {Promise<Wanted>}
   */
  async #labelled(model, wanted, limits) {
    const asked = /** @type {Wanted} */ (requests.plain(wanted));
    const labels = requests.listed(asked.labels);
    if (!labels.some(isName)) return asked;
    const described = await this.#describe(model, limits);
    return { ...asked, labels: labels.map((label) => (isName(label) ? labelOf(described, label) : label)) };
  }

  /**
   * @param {string} model
   * @param {Limits} limits
   * @returns {Promise<Model>}
   */
  async #describe(model, limits) {
    const known = this.#described.get(model);
    if (known) return known;
    const request = { model: requests.selector(model) };
    let reply = await this.#calls.call('catalog', 'getModel', request, limits);
    if (!isAvailable(reply.model)) {
      // The server refuses any call with what is wrong with the model, unless it has come up since.
      await this.#calls.call('sampling', 'sample', request, limits);
      reply = await this.#calls.call('catalog', 'getModel', request, limits);
    }
    if (isAvailable(reply.model)) this.#described.set(model, reply.model);
    return reply.model;
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

/** Connect's calls, of which the requests are checked first and whose streams end where their reader stops. */
import { createClient } from '@connectrpc/connect';
import { validate } from './validation.js';

/**
 * @template {import('@bufbuild/protobuf').DescService} Service
 * @param {Service} service
 * @param {import('@connectrpc/connect').Transport} transport
 * @returns {import('@connectrpc/connect').Client<Service>}
 */
export function client(service, transport) {
  const calls = createClient(service, transport);
  const checked = ({ localName, methodKind, input }) => [
    localName,
    (methodKind === 'unary' ? unary : streaming)(input, calls[localName]),
  ];
  return Object.fromEntries(service.methods.map(checked));
}

function unary(input, call) {
  return async (request, options) => {
    validate(input, request);
    return call(request, options);
  };
}

// Connect's own iterators have no `return`: leaving a loop over one ends neither the call nor the server's work.
function streaming(input, call) {
  return (request, { signal, ...options } = {}) => {
    validate(input, request);
    const stop = new AbortController();
    const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
    const events = call(request, { ...options, signal: either })[Symbol.asyncIterator]();
    const left = async () => {
      stop.abort();
      // Only a call that is read after its end stops its timer, which would keep a program alive until the deadline.
      await events.next().catch(() => {});
      return { done: true, value: undefined };
    };
    return { [Symbol.asyncIterator]: () => ({ next: () => events.next(), return: left }) };
  };
}

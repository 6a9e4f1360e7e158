// What connect() itself refuses, in the words of the other clients.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, connect, refusal } from 'pixelzoo-web';

function refused(url, options) {
  try {
    connect(url, options);
  } catch (error) {
    return refusal(error);
  }
  assert.fail('nothing was refused');
}

test('a token does not go to another machine in the clear', () => {
  for (const url of ['http://zoo.example:8080', 'http://127.0.0.1.zoo.example', 'http://192.0.2.2']) {
    const { code, reason, message } = refused(url, { token: 'SECRET' });
    assert.deepEqual([code, reason], [Code.Unauthenticated, 'INSECURE_TOKEN']);
    assert.equal(message, `the token would go to ${url} unencrypted: use https`);
  }
  for (const url of ['https://zoo.example', 'http://localhost:8080', 'http://127.0.0.1:8080', 'http://[::1]:8080']) {
    connect(url, { token: 'SECRET' });
  }
});

test('settings that cannot be are named', () => {
  const mistakes = [
    [{ tokn: 'SECRET' }, 'tokn'],
    [{ timeout: 'x' }, 'timeout'],
    [{ timeout: -1 }, 'timeout'],
    [{ token: 'two\nlines' }, 'token'],
    [{ token: 5 }, 'token'],
  ];
  for (const [options, setting] of mistakes) {
    const { code, reason, message, metadata } = refused('http://localhost:8080', options);
    assert.deepEqual([code, reason, metadata], [Code.InvalidArgument, 'INVALID_SETTING', { setting }]);
    assert.ok(message.startsWith(`${setting}: `) && !message.includes('two'), message);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ResourceRegistry } from '../src/lib/resources';

test('a scope releases what it owns, newest first, each once', () => {
  const registry = new ResourceRegistry();
  const scope = registry.scope('call');
  const released: string[] = [];
  scope.own('room', 'first', () => released.push('first'));
  const release = scope.own('timer', 'second', () => released.push('second'));
  scope.own('meter', 'third', () => released.push('third'));
  release();
  assert.deepEqual(
    registry.list().map(({ label }) => label),
    ['first', 'third'],
  );
  scope.close();
  release();
  assert.deepEqual(released, ['second', 'third', 'first']);
  assert.deepEqual(registry.list(), []);
});

test('what comes to a closed scope is released at once', () => {
  const registry = new ResourceRegistry();
  const scope = registry.scope('microphone');
  registry.closeAll();
  let released = 0;
  const release = scope.own('media-stream', 'late', () => (released += 1));
  release();
  assert.equal(released, 1);
  assert.deepEqual(registry.list(), []);
});

test('a release that fails does not keep the others open', () => {
  const scope = new ResourceRegistry().scope('call');
  let released = 0;
  scope.own('room', 'works', () => (released += 1));
  scope.own('timer', 'fails', () => {
    throw new Error('already gone');
  });
  scope.close();
  assert.equal(released, 1);
});

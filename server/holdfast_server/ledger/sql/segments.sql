-- The statements that read and move the state of a segment. Each is one transaction together with its notice.

-- name: ensure
INSERT INTO segment (segment, lineage, state, state_reason, resume_mode, epoch, position, chain_hash, audit_hash,
    clock_us, heartbeat_time)
VALUES (%(segment)s, gen_random_uuid(), 2, 'new', 0, 0, 0, %(chain_hash)s, %(audit_hash)s, 0, now())
ON CONFLICT (segment) DO NOTHING

-- name: read
SELECT segment, state, state_reason, lineage::text, epoch, position, chain_hash, clock_us,
    (extract(epoch FROM heartbeat_time) * 1000000)::bigint, audit_hash, resume_mode
FROM segment WHERE segment = %(segment)s

-- name: place
SELECT epoch, position, chain_hash, state FROM segment WHERE segment = %(segment)s

-- name: beat
-- A sign of life counts only while the epoch is the open one: the row is locked, so a writer that was fenced has none.
UPDATE segment SET heartbeat_time = now()
WHERE segment = %(segment)s AND epoch = %(epoch)s
RETURNING epoch, position, chain_hash, state

-- name: fence
-- From the commit of this statement on, no writer of an older epoch can move the cursor.
UPDATE segment SET epoch = epoch + 1, state = 2, state_reason = %(reason)s, heartbeat_time = now()
WHERE segment = %(segment)s AND state <> 4
RETURNING epoch, position, chain_hash, state

-- name: open
UPDATE segment SET state = 1, state_reason = '', heartbeat_time = now()
WHERE segment = %(segment)s AND epoch = %(epoch)s AND state = 2
RETURNING epoch, position, chain_hash, state

-- name: quarantine
UPDATE segment SET state = 3, state_reason = %(reason)s
WHERE segment = %(segment)s AND epoch = %(epoch)s AND state = 1
RETURNING epoch, position, chain_hash, state

-- name: stop
UPDATE segment SET state = 4, state_reason = %(reason)s, resume_mode = 0
WHERE segment = %(segment)s AND epoch = %(epoch)s AND position = %(position)s
RETURNING epoch, position, chain_hash, state

-- name: request_resume
UPDATE segment SET resume_mode = %(resume_mode)s, state_reason = %(reason)s
WHERE segment = %(segment)s AND state = 4
RETURNING epoch, position, chain_hash, state

-- name: take_epoch
UPDATE segment SET epoch = %(open_epoch)s
WHERE segment = %(segment)s AND epoch = %(epoch)s AND state = 4 AND resume_mode = 1 AND epoch < %(open_epoch)s
RETURNING epoch, position, chain_hash, state

-- name: finish_replay
UPDATE segment SET state = 1, state_reason = '', resume_mode = 0, heartbeat_time = now()
WHERE segment = %(segment)s AND epoch = %(epoch)s AND state = 4 AND resume_mode = 1
RETURNING epoch, position, chain_hash, state

-- name: resume_by_discard
-- What the journal holds beyond the ledger is given up: another history begins, above every epoch that was ever open.
UPDATE segment SET lineage = gen_random_uuid(), epoch = greatest(epoch, %(open_epoch)s) + 1, state = 2,
    state_reason = 'acknowledged operations were given up', resume_mode = 0
WHERE segment = %(segment)s AND state = 4 AND resume_mode = 2
RETURNING epoch, position, chain_hash, state

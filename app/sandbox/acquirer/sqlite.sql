-- name: find_object
-- One record by its name.
-- path: objects UNIQUE (kind, reference)
SELECT id, fingerprint, body
  FROM objects
 WHERE kind = :kind
   AND reference = :reference;

-- name: find_reference
-- The reference of the record of an id.
-- path: objects primary key
SELECT reference
  FROM objects
 WHERE id = :id;

-- name: write_objects
-- Write new and changed records, all of a batch in one step of the engine.
-- path: objects primary key
INSERT INTO objects (id, kind, reference, merchant, fingerprint, body)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
  FROM json_each(:rows)
 WHERE TRUE
    ON CONFLICT (id) DO UPDATE
   SET body = excluded.body;

-- name: insert_movements
-- Record money that moved.
-- path: movements primary key
INSERT INTO movements (
       settled_on, booked_at, kind, reference, authorization, merchant, currency,
       gross_minor, fee_minor, reported_minor)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
       value ->> 7, value ->> 8, value ->> 9
  FROM json_each(:rows);

-- name: add_to_days
-- Keep the sums of the days.
-- path: days primary key
INSERT INTO days (settled_on, currency, count, gross_minor, fee_minor, reported_minor)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
  FROM json_each(:rows)
 WHERE TRUE
    ON CONFLICT (settled_on, currency) DO UPDATE
   SET count = count + excluded.count,
       gross_minor = gross_minor + excluded.gross_minor,
       fee_minor = fee_minor + excluded.fee_minor,
       reported_minor = reported_minor + excluded.reported_minor;

-- name: insert_notifications
-- Add notifications, in the transaction of what they are about.
-- path: notifications primary key
INSERT INTO notifications (webhook_id, payload, copies, due_at)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3
  FROM json_each(:rows);

-- name: insert_timers
-- Set timers.
-- path: timers primary key
INSERT INTO timers (due_at, name, reference)
SELECT value ->> 0, value ->> 1, value ->> 2
  FROM json_each(:rows);

-- name: delete_timers
-- Remove timers that have run.
-- path: timers primary key
DELETE FROM timers
 WHERE id IN (SELECT value FROM json_each(:ids));

-- name: list_timers_due
-- The timers that are due by an instant, in order.
-- path: timers_due
SELECT id, due_at, name, reference
  FROM timers
 WHERE due_at <= :now
 ORDER BY due_at, id
 LIMIT :limit;

-- name: find_next_timer
-- When the next timer is due.
-- path: timers_due
SELECT due_at
  FROM timers
 ORDER BY due_at, id
 LIMIT 1;

-- name: list_notifications_due
-- The notifications that are due by an instant, in order.
-- path: notifications_due
SELECT id, webhook_id, payload, copies, attempts
  FROM notifications
 WHERE due_at <= :now
 ORDER BY due_at, id
 LIMIT :limit;

-- name: find_next_notification
-- When the next notification is due.
-- path: notifications_due
SELECT due_at
  FROM notifications
 WHERE due_at IS NOT NULL
 ORDER BY due_at, id
 LIMIT 1;

-- name: count_notifications_waiting
-- How many are still to be sent.
-- path: notifications_due
SELECT COUNT(*)
  FROM notifications
 WHERE due_at IS NOT NULL;

-- name: update_notifications
-- Record the results of attempts.
-- path: notifications primary key
UPDATE notifications
   SET attempts = attempt.value ->> 1,
       due_at = attempt.value ->> 2,
       delivered_at = attempt.value ->> 3
  FROM json_each(:rows) AS attempt
 WHERE notifications.id = attempt.value ->> 0;

-- name: list_notifications
-- A page of all of them, for people and tests.
-- path: notifications primary key
SELECT id, webhook_id, payload, attempts, due_at, delivered_at
  FROM notifications
 WHERE id > :after
 ORDER BY id
 LIMIT :limit;

-- name: redeliver_notifications
-- Send again what was sent or given up.
-- path: notifications primary key
UPDATE notifications
   SET due_at = :now,
       attempts = 0
 WHERE id > :after
   AND due_at IS NULL;

-- name: list_records
-- A page of all records of a kind.
-- path: objects_by_kind
SELECT id, body
  FROM objects
 WHERE kind = :kind
   AND id > :after
 ORDER BY id
 LIMIT :limit;

-- name: list_records_of_merchant
-- A page of a merchant's records of a kind.
-- path: objects_by_merchant
SELECT id, body
  FROM objects
 WHERE kind = :kind
   AND merchant = :merchant
   AND id > :after
 ORDER BY id
 LIMIT :limit;

-- name: find_highest_id
-- The last id, after which a new start goes on.
-- path: objects primary key
SELECT MAX(id)
  FROM objects;

-- name: list_days
-- The days before another one, newest first, with their sums.
-- path: days primary key
SELECT settled_on, currency, count, gross_minor, fee_minor, reported_minor
  FROM days
 WHERE settled_on < :before
 ORDER BY settled_on DESC, currency DESC
 LIMIT :limit;

-- name: list_sums_of_day
-- A day's sums by currency.
-- path: days primary key
SELECT currency, count, gross_minor, fee_minor, reported_minor
  FROM days
 WHERE settled_on = :settled_on
 ORDER BY currency;

-- name: list_sums_before_day
-- The net sum of all earlier days by currency.
-- path: days primary key
SELECT currency, SUM(reported_minor - fee_minor)
  FROM days
 WHERE settled_on < :settled_on
 GROUP BY currency;

-- name: list_movements
-- A page of a day's movements in one currency.
-- path: movements_by_day
SELECT id, booked_at, kind, reference, authorization, merchant, currency, gross_minor, fee_minor,
       reported_minor
  FROM movements
 WHERE settled_on = :settled_on
   AND currency = :currency
   AND id > :after
 ORDER BY id
 LIMIT :limit;

-- name: find_variable
-- A variable's value.
-- path: variables primary key
SELECT value
  FROM variables
 WHERE name = :name;

-- name: write_variable
-- Set a variable.
-- path: variables primary key
INSERT INTO variables (name, value)
VALUES (:name, :value)
    ON CONFLICT (name) DO UPDATE
   SET value = excluded.value;

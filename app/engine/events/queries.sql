-- Statements of the package `events`.

-- name: insert_events
-- Append facts.
-- path: events_pkey, events_object_sequence_unique, events_by_correlation
INSERT INTO events
       (region, merchant_id, id, type, object_id, sequence, data, correlation_id, created_at)
SELECT :region, d.merchant_id, d.id, d.type, d.object_id, d.sequence, d.data, d.correlation_id,
       d.created_at
  FROM unnest(:events)
       AS d (merchant_id, id, type, object_id, sequence, data, correlation_id, created_at);

-- name: find_event
-- One event of a merchant.
-- path: events_pkey
SELECT *
  FROM events
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id = :id;

-- name: list_events
-- A page of events between two positions, newest first.
-- path: events_pkey, backwards
-- both ways
SELECT *
  FROM events
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND id < :before
   AND id > :after
 ORDER BY id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: list_events_of_object
-- A page of the facts about one object between two positions, newest first.
-- path: events_object_sequence_unique, backwards
-- both ways
SELECT *
  FROM events
 WHERE region = :region
   AND merchant_id = :merchant_id
   AND object_id = :object_id
   AND id < :before
   AND id > :after
 ORDER BY sequence DESC
 LIMIT CAST(:page_size AS INT8);

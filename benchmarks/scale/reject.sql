-- Decides all that waits in a source, as the product does with files that are no images.
UPDATE object SET
    state = 'rejected', reason = 'not_an_image', detail = '', decided_at = now()
FROM source
WHERE source.location = %(source)s AND object.source_id = source.id AND state = 'received';

DELETE FROM work USING source
WHERE source.location = %(source)s AND work.source_id = source.id

-- What was sent to other systems, so that nothing is sent twice and each change is.

-- A folder or a server that results are sent to.
CREATE TABLE destination (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- `fhir`, `hl7` or `dicom`: what results are sent as.
    format text NOT NULL,
    location text NOT NULL,
    -- Prevents a destination from being known as two, each with half of what was sent.
    CONSTRAINT uq_destination UNIQUE (format, location)
);

-- A result that a destination has, as it was sent last, or may have: it is here before it is sent.
CREATE TABLE sent (
    image_id bigint NOT NULL REFERENCES image (id),
    sent_at timestamptz NOT NULL DEFAULT now(),
    destination_id integer NOT NULL REFERENCES destination (id),
    model_version_id integer NOT NULL REFERENCES model_version (id),
    -- The identifier that the destination knows it by.
    result_id uuid NOT NULL,
    -- Of its content, without its status and the time of sending. Empty from before a sending until
    -- it is known to have arrived, so that whatever follows is told as a change.
    content_sha256 bytea NOT NULL,
    -- Whether a sending of it is known to have arrived, in whatever form: only then is another one
    -- told as a correction.
    has_arrived boolean NOT NULL DEFAULT false,
    -- Prevents two records of one result, of which a change would be compared with either.
    CONSTRAINT pk_sent PRIMARY KEY (destination_id, result_id)
);
CREATE INDEX ix_sent_image ON sent (image_id);

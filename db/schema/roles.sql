-- Who may do what. The owner of the tables makes and corrects them; `severity_worker` scores, and
-- can neither update nor delete a score; `severity_reader` reads views. A site's own logins become
-- members of these two. Applied by each `db upgrade`, where the roles exist or may be made.

GRANT USAGE ON SCHEMA public TO severity_worker, severity_reader;
GRANT SELECT ON alembic_version TO severity_worker, severity_reader;
GRANT SELECT ON
    balance, cohort_course, cohort_response, cohort_response_by_group, due_course, event_labels,
    event_response, group_membership, merged_image, model_versions, patient_course, patient_event, patient_groups,
    patient_list, patient_lungs, patient_trend, patients, pseudonym_check, reasons, same_identifier,
    scored_image, scored_patients, source_balance, waiting_image, worklist
TO severity_worker, severity_reader;
GRANT SELECT ON bridges, course_choices TO severity_worker, severity_reader;
GRANT SELECT ON
    course_verdicts, devices, drift_nights, drift_reports, drift_restarts, oldest_waiting, rejections, runs,
    source_runs, stage_times, throughput
TO severity_worker, severity_reader;
-- All that a reader may write.
GRANT EXECUTE ON FUNCTION record_lookup(text, text, text) TO severity_worker, severity_reader;

GRANT SELECT ON ALL TABLES IN SCHEMA public TO severity_worker;
GRANT INSERT ON
    calibration, cohort_level, course, course_choice, course_due, course_parameters, destination,
    device, event, image, listing, model_version, object, output_names, pacs, pacs_instance,
    patient, patient_attribute, patient_summary, replaced, response, run, score, score_output,
    sent, sighting, site, source, study, wanted, work
TO severity_worker;
GRANT UPDATE ON listing, object, replaced, run, sighting, wanted, work TO severity_worker;
GRANT UPDATE (calibration_id, course_parameters_id) ON model_version TO severity_worker;
GRANT UPDATE (name, zone) ON source TO severity_worker;
-- Corrections: an image that a whole file supersedes, a time, a merge.
GRANT UPDATE (
    study_id, source_id, acquired_at, acquired_source, acquired_zone, view, standing, simulated,
    device_id, image_uid
) ON image TO severity_worker;
GRANT UPDATE (merged_into_id, merged_last_id) ON patient TO severity_worker;
GRANT DELETE ON wanted, work TO severity_worker;
-- Drift: what triggers leave is counted by whoever scores.
GRANT INSERT, UPDATE, DELETE ON drift_due, drift_night, drift_report, repeat_pair
TO severity_worker;
GRANT UPDATE (day) ON drift_start TO severity_worker;
-- Treatments: a changed end, another group, an event or a group that a person removes.
GRANT UPDATE (starts_is_date, ends_at, ends_is_date, is_removed) ON event TO severity_worker;
GRANT UPDATE (value, source, is_removed) ON patient_attribute TO severity_worker;
-- Exports: a result that changed is sent again.
GRANT UPDATE ON sent TO severity_worker;
-- A PACS: how far each film is, and films of days that are asked no more.
GRANT UPDATE, DELETE ON pacs_instance TO severity_worker;
-- Courses and responses follow from scores and events, and are written anew.
GRANT UPDATE ON cohort_level, course_choice, course_due TO severity_worker;
GRANT DELETE ON
    cohort_level, course, course_choice, course_due, patient_summary, response
TO severity_worker;
-- Operations: where time goes, and what is deleted once it is old.
GRANT INSERT, UPDATE ON stage_time TO severity_worker;
GRANT DELETE ON sighting TO severity_worker;
GRANT EXECUTE ON FUNCTION expire_lookups(interval, integer) TO severity_worker;
-- Rescoring: requests, the images of a list, and how far each request is. Bridges.
GRANT INSERT ON bridge, rescoring, rescoring_count, rescoring_image TO severity_worker;
GRANT UPDATE ON rescoring, rescoring_count TO severity_worker;
GRANT DELETE ON rescoring_image TO severity_worker;

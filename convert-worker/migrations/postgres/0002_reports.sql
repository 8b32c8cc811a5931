-- JSON of the findings of the last attempt: the engines that were asked, and how good the result is.
ALTER TABLE jobs ADD COLUMN report TEXT;

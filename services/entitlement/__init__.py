"""Who may play what: verifies the session, reads the lesson's record, decides by the compiled rules, and mints the video token.

It stands alone: no catalog, no policies. Everything it decides by is in files that were derived and mounted, so that what it does can be
read there, and a new version of them is taken up while it runs. Whatever it does not know is refused.
"""

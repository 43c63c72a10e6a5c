"""The intake: takes readings and access logs of school boxes in, after a look at whose they are.

A box pushes with Prometheus remote write 1.0 (https://prometheus.io/docs/specs/prw/remote_write_spec/). The gateway has verified its
certificate; here every series must carry that school's code. What is forwarded is put together anew from what was looked at, so that
the database cannot read anything else in it than was checked. Lines of its cache's access log become that school's likewise, and are
printed for the collector of logs. Of the kit it imports the form of these lines alone; its facts come as files.
"""

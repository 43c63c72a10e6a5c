"""The surface for district technicians: from the catalog to boxes, switches and classrooms, by Ansible."""

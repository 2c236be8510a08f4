"""The sandbox's own CloudWatch metrics and logs: stores that rooms write to, and the services that read them."""

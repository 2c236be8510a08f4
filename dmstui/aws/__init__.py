"""Everything that speaks to AWS: connection, services, error translation. The only room that knows aiobotocore.

Importing it is cheap: aiobotocore is loaded when a connection opens.
"""

from dmstui.aws.connection import Connection
from dmstui.aws.options import ConnectionOptions

__all__ = ["Connection", "ConnectionOptions"]
